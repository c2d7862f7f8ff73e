import { PassThrough } from "node:stream";
import test from "ava";
import { formatDuration, printTable } from "../../../deploy/local/table.ts";

test("the table is aligned, and plain where there is no terminal", (t) => {
  const out = new PassThrough().setEncoding("utf8");
  printTable(
    [
      { name: "PostgreSQL 18.4", where: "127.0.0.1:5432", tookMs: 912.4 },
      { name: "gateway", where: "http://127.0.0.1:3000", tookMs: 85 },
      { name: "Redis", where: "not here" },
    ],
    out,
  );
  t.is(
    out.read(),
    `  what             where                    took
  PostgreSQL 18.4  127.0.0.1:5432         912 ms
  gateway          http://127.0.0.1:3000   85 ms
  Redis            not here
`,
  );
});

test("durations are written as people read them", (t) => {
  t.deepEqual([0.4, 999, 1000, 61_234, undefined].map(formatDuration), [
    "0 ms",
    "999 ms",
    "1.0 s",
    "61.2 s",
    "",
  ]);
});
