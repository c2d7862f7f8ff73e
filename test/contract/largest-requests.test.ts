import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import test from "ava";
import { files } from "#gen/contracts.ts";
import { methodName } from "#kit/contract.ts";
import { decodeRequest } from "#kit/policy/decode.ts";
import { mostBytes } from "#kit/policy/most-bytes.ts";
import { largestMessage } from "./largest-message.ts";

/** Fields that only a later contract has. */
const LATER = new BinaryWriter().tag(100_000, WireType.LengthDelimited).bytes(Buffer.alloc(65_500)).finish();

test("every request has a bound, and the largest that the rules of its fields allow is taken, with what a later contract adds", (t) => {
  const methods = files.flatMap((file) => file.services).flatMap((service) => service.methods);
  t.true(methods.length > 100);
  for (const method of methods) {
    t.true(Number.isFinite(mostBytes(method.input)), methodName(method));
    t.notThrows(
      () => decodeRequest(method, Buffer.concat([largestMessage(method.input), LATER])),
      methodName(method),
    );
  }
});
