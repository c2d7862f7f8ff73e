import { openEchoGateway, UNARY } from "../service/gateway-echo.ts";
import type { Figure } from "./figures.ts";
import { sendLoad } from "./load.ts";

const CALLERS = 16;
const WARM_UP_MS = 1_500;
const MEASURE_MS = 3_000;
/** About as long as a page of 20 products. */
const TEXT = "words of a product ".repeat(1_000);

/**
 * What a gateway costs before a service that only echoes, both in this process: calls that it serves by
 * itself beside the same calls left to Connect's library, counted by processor time.
 */
export async function gatewayCost(): Promise<Figure[]> {
  const endings: (() => Promise<void>)[] = [];
  const figures: Figure[] = [];
  try {
    for (const plane of ["direct", "local"] as const) {
      const unary = async () => ({ text: TEXT });
      const t = { teardown: (end: () => Promise<void>) => endings.unshift(end) };
      const { own, library } = await openEchoGateway(t, plane, { unary });
      const by = { library: await callsPerCpuSecond(library), own: await callsPerCpuSecond(own) };
      const unit = "calls a CPU second";
      figures.push({ what: `${plane}: by Connect's library, ${unit}`, value: by.library });
      figures.push({ what: `${plane}: by itself, ${unit}`, value: by.own, ratio: by.own / by.library });
    }
  } finally {
    for (const end of endings) await end();
  }
  return figures;
}

async function callsPerCpuSecond(port: number): Promise<number> {
  let before = process.cpuUsage();
  const { calls, failed, failure } = await sendLoad(
    {
      host: "127.0.0.1",
      port,
      callers: CALLERS,
      warmUpMs: WARM_UP_MS,
      warmUpCalls: 1_000,
      measureMs: MEASURE_MS,
      once: false,
      requests: [{ path: UNARY, body: '{"text":"lamp"}', headers: {} }],
    },
    async () => {
      before = process.cpuUsage();
    },
  );
  if (failed > 0) throw new Error(`${failed} calls failed: ${failure}`);
  const { user, system } = process.cpuUsage(before);
  return (calls / (user + system)) * 1e6;
}
