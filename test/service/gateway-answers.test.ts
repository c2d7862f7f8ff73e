import { create, toBinary } from "@bufbuild/protobuf";
import { compressionGzip } from "@connectrpc/connect-node";
import test from "ava";
import { answerBodies } from "../../services/gateway/unary/answer-bodies.ts";
import { echoContract } from "../mesh/echo-contract.ts";

const method = echoContract().method["unary"] as NonNullable<
  ReturnType<typeof echoContract>["method"][string]
>;

function answer(text: string) {
  const message = create(method.output, { text } as never);
  return { message, bytes: toBinary(method.output, message) };
}

const ask = (text: string) => Buffer.from(`{"text":"${text}"}`);

test("the same answer to the same request is written once, and compressed once", async (t) => {
  const bodies = answerBodies(10_000);
  const body = bodies.json(method, ask("a"), answer("a"));
  t.is(Buffer.from(body.bytes).toString(), '{"text":"a"}');
  t.is(bodies.json(method, ask("a"), answer("a")), body);
  const packed = await body.compressed(compressionGzip);
  t.is(await bodies.json(method, ask("a"), answer("a")).compressed(compressionGzip), packed);
  t.is(Buffer.from(bodies.json(method, ask("a"), answer("b")).bytes).toString(), '{"text":"b"}');
});

test("what was used least recently makes room, and what is too long is not kept", (t) => {
  const bodies = answerBodies(1_000);
  const long = "x".repeat(200);
  const first = bodies.json(method, ask("1"), answer(long));
  const second = bodies.json(method, ask("2"), answer(long));
  t.is(bodies.json(method, ask("1"), answer(long)), first);
  bodies.json(method, ask("3"), answer(long));
  t.is(bodies.json(method, ask("1"), answer(long)), first);
  t.not(bodies.json(method, ask("2"), answer(long)), second);
  const longer = answer("x".repeat(300_000));
  t.not(bodies.json(method, ask("4"), longer), bodies.json(method, ask("4"), longer));
});

test("a message that cannot change is written once for as long as it is there", (t) => {
  const bodies = answerBodies(0);
  const message = Object.freeze(create(method.output, { text: "a" } as never));
  t.is(bodies.json(method, ask("a"), { message }), bodies.json(method, ask("b"), { message }));
  const { message: open } = answer("a");
  t.not(bodies.json(method, ask("a"), { message: open }), bodies.json(method, ask("a"), { message: open }));
});
