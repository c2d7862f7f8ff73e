import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, type Step } from "./outcome.ts";

/** An import as it stands in a file. */
export interface Import {
  /** The importing file, from the repository's folder. */
  file: string;
  /** The line, from 1. */
  line: number;
  /** What stands between the quotes. */
  specifier: string;
  /** Whether it is gone when types are stripped. */
  typeOnly: boolean;
}

/** Whether files import only what they may: `gen` <- `kit` <- a service <- `deploy` <- `test`. */
export const importDirections: Step = {
  name: "import directions",
  run: async () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const shipped = new Set(Object.keys(manifest.dependencies));
    const files = globSync("{gen,services,deploy,test}/**/*.{ts,mjs}", { cwd: root }).sort();
    const complaints = files
      .flatMap((file) => readImports(file, readFileSync(join(root, file), "utf8")))
      .flatMap((it) => {
        const complaint = judge(it, shipped);
        return complaint ? [`${it.file}:${it.line}: ${complaint}`] : [];
      });
    return complaints.length === 0 ? { kind: "passed" } : { kind: "failed", output: complaints.join("\n") };
  },
};

/**
 * Tells what is wrong with an import.
 *
 * @param shipped the packages that are there at run time
 * @returns undefined when nothing is
 */
export function judge(it: Import, shipped: ReadonlySet<string>): string | undefined {
  const from = zoneOf(it.file);
  const target = resolveFile(it.file, it.specifier);
  if (target === undefined) return judgePackage(it, from, shipped);
  const to = zoneOf(target);
  const what = `"${it.specifier}"`;
  if (from === to || from === "test") return undefined;
  if (to === "test") return `${what} is a test's; only tests import from test/.`;
  if (to === "gen" && !it.specifier.startsWith("#gen/")) return `${what} is generated; import it as #gen/.`;
  if (to === "kit" && !it.specifier.startsWith("#kit/")) return `${what} is the kit's; import it as #kit/.`;
  if (rank(to) < rank(from)) return undefined;
  if (isService(from) && isService(to)) {
    return `${what} is another service's; call that service through the mesh, with its contract from #gen/.`;
  }
  if (from === "kit")
    return `${what}: the kit knows no ${isService(to) ? "service" : "deployment"}; pass it in.`;
  if (from === "gen") return `${what}: generated code imports only packages and generated code.`;
  if (isService(from)) return `${what}: a service knows no deployment; make it a setting in its config.ts.`;
  return undefined;
}

function judgePackage(it: Import, from: string, shipped: ReadonlySet<string>): string | undefined {
  if (it.specifier.startsWith("node:") || it.typeOnly || from === "test") return undefined;
  const name = packageName(it.specifier);
  if (shipped.has(name)) return undefined;
  return `the package ${name} does not stand under "dependencies" in package.json, so it is not there at run time.`;
}

const statement = /^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?"([^"]+)"/gm;
const expression = /\b(?:(typeof\s+)?import|import\.meta\.resolve)\(\s*"([^"]+)"/g;

/**
 * Finds the imports of a file: statements, which the formatter puts at the start of a line, and calls and
 * types `import("...")`.
 */
export function readImports(file: string, source: string): Import[] {
  return [statement, expression].flatMap((pattern) =>
    [...source.matchAll(pattern)].map((match) => ({
      file,
      line: source.slice(0, match.index).split("\n").length,
      specifier: match[2] as string,
      typeOnly: match[1] !== undefined,
    })),
  );
}

function resolveFile(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return join(dirname(file), specifier);
  if (specifier.startsWith("#gen/")) return specifier.slice(1);
  if (specifier.startsWith("#kit/")) return `services/${specifier.slice(1)}`;
  return undefined;
}

function zoneOf(file: string): string {
  const [top, second] = file.split("/");
  if (top === "services") return second === "kit" ? "kit" : `services/${second}`;
  return top ?? "";
}

const order = ["gen", "kit", "services", "deploy"];

function rank(zone: string): number {
  return order.indexOf(isService(zone) ? "services" : zone);
}

function isService(zone: string): boolean {
  return zone.startsWith("services/");
}

function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
