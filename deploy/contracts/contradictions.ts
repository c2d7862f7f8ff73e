import type { DescFile } from "@bufbuild/protobuf";
import { contradictionOf } from "#kit/read-policy.ts";

/**
 * What in the policies of some contracts cannot be: each as file, method and remedy.
 *
 * @param files the contracts
 */
export function contradictionsIn(files: readonly DescFile[]): string[] {
  return files.flatMap((file) =>
    file.services
      .flatMap(({ methods }) => methods)
      .flatMap((method) => {
        const contradiction = contradictionOf(method);
        return contradiction === undefined
          ? []
          : [`${file.name}.proto: ${method.parent.name}/${method.name}: ${contradiction}`];
      }),
  );
}
