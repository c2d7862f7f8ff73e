import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const folder = join(import.meta.dirname, "../../gen/docs");

/** An example of a call as the API reference shows it. */
export interface DocumentedExample {
  /** The full name of the method, for example "souk.order.v1.CartService/GetCart". */
  readonly method: string;
  readonly program: "curl" | "grpcurl";
  /** The command for a shell. */
  readonly command: string;
  /** The reasons that the reference names for the method. */
  readonly reasons: ReadonlySet<string>;
}

/** Every example of the API reference. */
export function documentedExamples(): DocumentedExample[] {
  const common = reasonsIn(
    sectionOf(readFileSync(join(folder, "api.md"), "utf8"), "Reasons that any method"),
  );
  return globSync("api/*.md", { cwd: folder })
    .sort()
    .flatMap((page) => {
      const text = readFileSync(join(folder, page), "utf8");
      const shared = [...common, ...reasonsIn(sectionOf(text, "Reasons"))];
      return text
        .split(/^### /m)
        .slice(1)
        .flatMap((section) => examplesOf(basename(page, ".md"), section, shared));
    });
}

function examplesOf(packageName: string, section: string, shared: readonly string[]): DocumentedExample[] {
  const [, service, name] = /^(\w+)\.(\w+)\n/.exec(section) ?? [];
  const errors = /^\*\*Errors\*\*: (.*)$/m.exec(section)?.[1] ?? "";
  const own = [...errors.matchAll(/`(\w+)`/g)].map(([, reason]) => reason as string);
  return [...section.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map(([, command = ""]) => ({
    method: `${packageName}.${service}/${name}`,
    program: command.startsWith("curl ") ? "curl" : "grpcurl",
    command,
    reasons: new Set([...shared, ...own]),
  }));
}

function sectionOf(text: string, title: string): string {
  return text.split(/^## /m).find((section) => section.startsWith(title)) ?? "";
}

function reasonsIn(section: string): string[] {
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason as string);
}
