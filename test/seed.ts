/**
 * From what fast-check makes its examples: the same in each run, so that a run fails for the change that is tested and for
 * nothing else. SOUK_TEST_SEED asks for others.
 */
export const SEED = Number(process.env["SOUK_TEST_SEED"] ?? 20_261_126);
