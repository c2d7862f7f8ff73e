/**
 * How many calls a client may cancel on one connection before an HTTP/2 server closes it: so many at once, and so
 * many a second for as long as it likes. Whoever opens calls only to cancel them (Rapid Reset, CVE-2023-44487) is cut
 * off. Node's own 1,000 and 33 would cut off every caller behind a proxy whose connection they share: each hedged
 * call, each page that is left and each deadline that passes is a call cancelled.
 */
export const STREAM_RESETS = { streamResetBurst: 5_000, streamResetRate: 500 } as const;
