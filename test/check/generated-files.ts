import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, type Step } from "./outcome.ts";

/** Whether `gen/` is what the contracts generate today. */
export const generatedFiles: Step = {
  name: "generated files",
  run: async (signal) => {
    const place = mkdtempSync(join(tmpdir(), "souk-generated-"));
    try {
      for (const script of ["deploy/contracts/generate.ts", "deploy/contracts/reference.ts"]) {
        const { code, output } = await run(process.execPath, [script, place], signal);
        if (code !== 0) return { kind: "failed", output };
      }
      const differences = compare(readTree(join(root, "gen")), readTree(join(place, "gen")));
      if (differences.length === 0) return { kind: "passed" };
      const remedy = "Run `npm run generate` and commit what it changes.";
      return { kind: "failed", output: [...differences, remedy].join("\n") };
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  },
};

function compare(committed: Map<string, string>, fresh: Map<string, string>): string[] {
  const paths = [...new Set([...committed.keys(), ...fresh.keys()])].sort();
  return paths.flatMap((path) => {
    if (!committed.has(path)) return [`gen/${path} is missing.`];
    if (!fresh.has(path)) return [`gen/${path} is left over: no contract generates it.`];
    return committed.get(path) === fresh.get(path) ? [] : [`gen/${path} is out of date.`];
  });
}

function readTree(folder: string): Map<string, string> {
  const entries = globSync("**/*", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file.slice(folder.length + 1), readFileSync(file, "utf8")];
    }),
  );
}
