import test from "ava";
import { judge, readImports } from "./import-directions.ts";

const shipped = new Set(["pino", "@scope/shipped"]);

/** What the check says when a file imports something. */
function complaint(file: string, specifier: string, typeOnly = false): string | undefined {
  return judge({ file, line: 1, specifier, typeOnly }, shipped);
}

test("imports along the direction are free", (t) => {
  for (const [file, specifier] of [
    ["gen/souk/a_pb.ts", "./b_pb.ts"],
    ["services/kit/run.ts", "#gen/souk/a_pb.ts"],
    ["services/kit/data/pool.ts", "../error.ts"],
    ["services/order/rpc/cart.ts", "../cart.ts"],
    ["services/order/rpc/cart.ts", "#kit/error.ts"],
    ["services/order/cart.ts", "#gen/souk/inventory/v1/inventory_pb.ts"],
    ["services/order/cart.ts", "node:crypto"],
    ["services/order/cart.ts", "@scope/shipped/part.js"],
    ["deploy/local/shop.ts", "../../services/order/service.ts"],
    ["test/service/order.test.ts", "../../services/order/service.ts"],
    ["test/service/order.test.ts", "unknown-package"],
  ] as const) {
    t.is(complaint(file, specifier), undefined, `${file} imports ${specifier}`);
  }
});

test("an import against the direction is refused with the remedy", (t) => {
  for (const [file, specifier, remedy] of [
    [
      "services/order/cart.ts",
      "../inventory/stock.ts",
      /another service's; call that service through the mesh/,
    ],
    ["services/order/rpc/cart.ts", "../../inventory/stock.ts", /another service's/],
    ["services/order/cart.ts", "../../deploy/local/ports.ts", /a service knows no deployment/],
    ["services/kit/run.ts", "../order/service.ts", /the kit knows no service; pass it in/],
    ["services/kit/run.ts", "../../deploy/local/ports.ts", /the kit knows no deployment/],
    ["gen/souk/a_pb.ts", "#kit/error.ts", /generated code imports only/],
    ["services/order/cart.ts", "../../gen/souk/a_pb.ts", /import it as #gen\//],
    ["services/order/cart.ts", "../kit/error.ts", /import it as #kit\//],
    ["deploy/local/shop.ts", "../../test/stores.ts", /only tests import from test\//],
    ["services/order/cart.ts", "fast-check", /fast-check does not stand under "dependencies"/],
    ["services/order/cart.ts", "@scope/other/part.js", /@scope\/other does not stand/],
  ] as const) {
    t.regex(complaint(file, specifier) ?? "", remedy, `${file} imports ${specifier}`);
  }
});

test("a type alone may come from a package that is not there at run time", (t) => {
  t.is(complaint("services/order/cart.ts", "fast-check", true), undefined);
  t.regex(complaint("services/order/cart.ts", "../inventory/stock.ts", true) ?? "", /another service's/);
});

test("imports of every form are found with their line", (t) => {
  const source = [
    'import one from "one";',
    'import "two";',
    "import {",
    "  type three,",
    "  drei,",
    '} from "three";',
    'import type { Four } from "four";',
    'export * from "five";',
    'const six = await import("six");',
    'type Seven = import("seven").Seven;',
    'const text = "import eight from nine";',
    '// import ten from "ten";',
    "export const eleven = 11;",
  ].join("\n");
  const found = readImports("x.ts", source).map(({ line, specifier, typeOnly }) => [
    line,
    specifier,
    typeOnly,
  ]);
  t.deepEqual(found, [
    [1, "one", false],
    [2, "two", false],
    [3, "three", false],
    [7, "four", true],
    [8, "five", false],
    [9, "six", false],
    [10, "seven", false],
  ]);
});
