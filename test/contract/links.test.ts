import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "ava";
import { anchor } from "../../deploy/contracts/markdown.ts";

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", ...globSync("gen/docs/**/*.md")];

test("every link in the documents leads to a file that is there, and to a heading in it", (t) => {
  const links = DOCUMENTS.flatMap(linksOf);
  t.true(links.length > DOCUMENTS.length);
  t.deepEqual(
    links.filter((link) => !leadsSomewhere(link)).map(({ from, to }) => `${from}: ${to}`),
    [],
  );
});

interface Link {
  readonly from: string;
  readonly to: string;
}

function linksOf(from: string): Link[] {
  const targets = [...readFileSync(from, "utf8").matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = ""]) => to);
  return targets.filter((to) => !/^\w+:/.test(to)).map((to) => ({ from, to }));
}

function leadsSomewhere({ from, to }: Link): boolean {
  const [path = "", heading] = to.split("#");
  const file = path === "" ? from : join(dirname(from), path);
  return existsSync(file) && (heading === undefined || headingsOf(file).has(heading));
}

const known = new Map<string, ReadonlySet<string>>();

function headingsOf(file: string): ReadonlySet<string> {
  const read = () =>
    new Set([...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) => anchor(text)));
  const headings = known.get(file) ?? read();
  known.set(file, headings);
  return headings;
}
