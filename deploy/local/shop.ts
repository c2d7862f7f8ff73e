/** A program of the shop as this machine runs it. */
export interface ShopProgram {
  readonly name: string;
  /** Its port unless `<NAME>_PORT` says otherwise; its operations port is 100 above. */
  readonly port: number;
  /** The file that starts it, from the root of the repository. */
  readonly main: string;
}

/** The services of the shop, in the order of their ports. */
export const services: readonly ShopProgram[] = [
  "auth",
  "user",
  "product",
  "order",
  "payment",
  "inventory",
  "notification",
].map((name, index) => program(name, 3001 + index));

/** The gateway, through which browsers reach the services. */
export const gateway: ShopProgram = program("gateway", 3000);

/** The database of a service. */
export function databaseName(service: string): string {
  return `souk_${service}`;
}

function program(name: string, port: number): ShopProgram {
  return { name, port, main: `services/${name}/main.ts` };
}
