import test from "ava";
import { files } from "#gen/contracts.ts";
import { auditRule } from "./audit.ts";
import { boundsRule } from "./bounds.ts";
import { cachesRule } from "./caches.ts";
import type { Rule } from "./complaints.ts";
import { eventsRule } from "./events.ts";
import { pagesRule } from "./pages.ts";
import { policyRule } from "./policies.ts";
import { refusalsRule } from "./refusals.ts";
import { secretsRule } from "./secrets.ts";

const services = new Set(files.map((file) => file.proto.package.split(".")[1] as string));

const rules: [title: string, rule: Rule][] = [
  ["every method has a policy that does not contradict itself", policyRule(services)],
  ["what staff change is recorded, with the object that it is about", auditRule],
  ["every reason to refuse a call has a status code", refusalsRule],
  ["every event names the field with the id of its aggregate", eventsRule],
  ["every tag of a remembered answer is ended by an event", cachesRule],
  ["every secret or personal field is marked as such", secretsRule],
  ["nothing in a request is of any length", boundsRule],
  ["every method that gives pages does it in the same way", pagesRule],
];

for (const [title, rule] of rules) {
  test(title, (t) => {
    const complaints = rule(files);
    t.is(complaints.length, 0, `\n${complaints.join("\n")}`);
  });
}

test("the rules look at every contract of the mesh", (t) => {
  const packages = new Set(files.map((file) => file.proto.package));
  for (const name of ["auth", "user", "product", "order", "payment", "inventory", "notification", "mesh"]) {
    t.true(packages.has(`souk.${name}.v1`), name);
  }
});
