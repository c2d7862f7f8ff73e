/** A program of the shop as this machine runs it. */
export interface ShopProgram {
  readonly name: string;
  /** Its usual port; its operations port is 100 above. */
  readonly port: number;
  /** The file that starts it, from the root of the repository. */
  readonly main: string;
}

/** The services of the shop, in the order of their ports. */
export const services: readonly ShopProgram[] = [
  program("auth", 3001),
  program("user", 3002),
  program("product", 3003),
  program("order", 3004),
  program("payment", 3005),
  program("inventory", 3006),
  program("notification", 3007),
];

/** The gateway, through which browsers reach the services. */
export const gateway: ShopProgram = program("gateway", 3000);

/** The databases of all services. */
export const databases: readonly string[] = services.map(({ name }) => `souk_${name}`);

function program(name: string, port: number): ShopProgram {
  return { name, port, main: `services/${name}/main.ts` };
}
