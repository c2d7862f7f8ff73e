import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, root, run, type Step } from "./outcome.ts";

/**
 * Whether clients of the commit before could still be served: a change of `proto/` that is not committed is
 * compared with the last commit, a committed one with the commit before it. A commit that breaks clients on
 * purpose says so with a trailer `Breaks: <what and why>` in its message.
 */
export const compatibility: Step = {
  name: "contracts: compatibility",
  run: async (signal) => {
    const git = (...args: string[]) => run("git", args, signal);
    const head = await git("rev-parse", "--verify", "--quiet", "HEAD");
    if (head.code !== 0) return skip("this is no Git checkout with a commit");
    let base = "HEAD";
    if ((await git("diff", "--quiet", "HEAD", "--", "proto")).code === 0) {
      const intended = await git("log", "-1", "--format=%(trailers:key=Breaks,valueonly)");
      if (intended.output.trim() !== "") return skip(`the last commit breaks: ${intended.output.trim()}`);
      base = "HEAD^";
    }
    const earlier = await git("ls-tree", "-r", "--name-only", base, "--", "proto");
    if (earlier.code !== 0) return skip("this checkout holds no earlier commit");
    if (earlier.output === "") return skip("the commit before has no contracts");

    const place = mkdtempSync(join(tmpdir(), "souk-compatibility-"));
    try {
      const archive = join(place, "contracts.tar");
      const steps = [
        () => git("archive", `--output=${archive}`, base, "proto"),
        () => run("tar", ["-xf", archive, "-C", place], signal),
        () => {
          imitateWorkspace(place);
          return run("node_modules/.bin/buf", ["breaking", "--against", place], signal);
        },
      ];
      for (const step of steps) {
        const { code, output } = await step();
        if (code !== 0) return { kind: "failed", output: `${output}\n${remedy}` };
      }
      return { kind: "passed" };
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  },
};

const remedy =
  "Keep what clients know and add beside it, or, if breaking them is meant, commit with a trailer `Breaks: <what and why>`.";

/** Puts beside the earlier contracts what `buf.yaml` expects there. */
function imitateWorkspace(place: string): void {
  copyFileSync(join(root, "buf.yaml"), join(place, "buf.yaml"));
  mkdirSync(join(place, ".souk"));
  symlinkSync(join(root, ".souk/proto"), join(place, ".souk/proto"));
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
}

function skip(reason: string): Outcome {
  return { kind: "skipped", reason };
}
