import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { databaseSettings, meshSettings, type Settings, serviceSettings } from "#kit/config.ts";
import { gateway } from "../../services/gateway/program.ts";
import { servicePrograms } from "../local/service-programs.ts";
import { localSettings } from "../local/settings.ts";

/** What a setting is declared with. */
interface Declared {
  readonly desc?: string;
  readonly default?: unknown;
  readonly choices?: readonly unknown[];
}

const README = join(resolve(import.meta.dirname, "../.."), "README.md");
const MARKS = { begin: "<!-- settings -->\n", end: "<!-- /settings -->\n" };

/** The README's table of settings, made from their declarations. */
export function settingsTable(): string {
  const common = { ...serviceSettings("name", 0), ...databaseSettings("name") };
  const groups: [string, Settings][] = [
    ["Every process", meshSettings],
    ["Every service, with its own name in place of `NAME` and `name`", common],
    ...[...servicePrograms, gateway].map(({ name, settings }): [string, Settings] => [
      name,
      ownOf(name, settings),
    ]),
    ["`npm start`", localSettings],
  ];
  return groups
    .filter(([, settings]) => Object.keys(settings as object).length > 0)
    .map(([title, settings]) => `**${title}**\n\n${tableOf(settings)}`)
    .join("\n");
}

/** The README with its table made anew. */
export function readmeWithSettings(): string {
  const text = readFileSync(README, "utf8");
  const begin = text.indexOf(MARKS.begin);
  const end = text.indexOf(MARKS.end);
  if (begin < 0 || end < begin)
    throw new Error(`README.md lacks the marks ${MARKS.begin.trim()} and ${MARKS.end.trim()}`);
  return `${text.slice(0, begin + MARKS.begin.length)}\n${settingsTable()}\n${text.slice(end)}`;
}

function ownOf(name: string, settings: Settings): Settings {
  const common = { ...serviceSettings(name, 0), ...databaseSettings(name) };
  return Object.fromEntries(Object.entries(settings as object).filter(([key]) => !(key in common)));
}

function tableOf(settings: Settings): string {
  const rows = Object.entries(settings as Record<string, Declared>).map(([name, declared]) => {
    const choices = declared.choices === undefined ? "" : ` (${declared.choices.join(", ")})`;
    return `| \`${name}\` | ${defaultOf(name, declared)} | ${escapeCell(`${declared.desc ?? ""}${choices}`)} |`;
  });
  return ["| setting | default | what it is |", "|---|---|---|", ...rows, ""].join("\n");
}

function defaultOf(name: string, declared: Declared): string {
  if (name.startsWith("NAME_") && name.endsWith("PORT"))
    return name === "NAME_PORT" ? "`3001` to `3007`" : "100 above";
  if (!("default" in declared)) return "required";
  return declared.default === undefined ? "" : `\`${escapeCell(String(declared.default))}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) writeFileSync(README, readmeWithSettings());
