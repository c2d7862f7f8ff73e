import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import test from "ava";
import { files } from "#gen/contracts.ts";
import { methodName } from "#kit/contract.ts";
import { decodeRequest } from "#kit/policy/decode.ts";
import { mostOf } from "#kit/policy/most.ts";
import { readJson } from "../../services/gateway/read-json.ts";
import { largestJson } from "./largest-json.ts";
import { largestMessage } from "./largest-message.ts";

/** Fields that only a later contract has. */
const LATER = new BinaryWriter().tag(100_000, WireType.LengthDelimited).bytes(Buffer.alloc(65_500)).finish();

const methods = files.flatMap((file) => file.services).flatMap((service) => service.methods);

test("every request has a bound, and the largest that the rules of its fields allow is taken, with what a later contract adds", (t) => {
  t.true(methods.length > 100);
  for (const method of methods) {
    for (const most of Object.values(mostOf(method.input))) t.true(Number.isFinite(most), methodName(method));
    t.notThrows(
      () => decodeRequest(method, Buffer.concat([largestMessage(method.input), LATER])),
      methodName(method),
    );
  }
});

test("the largest request is taken in JSON, however it is written", (t) => {
  for (const method of methods) {
    const bytes = Buffer.from(largestJson(method.input));
    t.notThrows(() => readJson(method, bytes), methodName(method));
  }
});
