import { type DescField, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { contentOf } from "../field-path.ts";
import { type Decoded, type Interceptor, isEncoded, isStream } from "../rpc/call.ts";

/** Half of what the mesh carries in a message: the rest is for what stands beside the items, and for what grows meanwhile. */
const LONGEST_PAGE = 2 * 1024 * 1024;

/**
 * Ends a page early whose items are so large that the mesh could not carry it, however few were asked for: `page_size`
 * says how many there are at most. The method is asked again for as many as fit, so that it says itself where the next
 * page begins.
 */
export const pages: Interceptor<Decoded> = (next) => async (call, request) => {
  const { output } = call.method;
  if (output.field["nextPageToken"] === undefined || isStream(request)) return next(call, request);
  const reply = await next(call, request);
  if (isStream(reply) || isEncoded(reply)) return reply;
  const encoded = toBinary(output, reply);
  const pageSize = encoded.byteLength <= LONGEST_PAGE ? undefined : countFitting(output, reply);
  if (pageSize === undefined) return { encoded, message: reply };
  call.log.info({ bytes: encoded.byteLength, pageSize }, "a page ends early, for its items are large");
  return next(call, Object.assign({}, request, { pageSize }));
};

/** How many of the first items fit in a page, at least one; undefined where all stay in it. */
function countFitting(output: DescMessage, reply: Message): number | undefined {
  const list = output.fields.find(isListOfMessages);
  if (list === undefined) throw new Error(`${output.typeName} is a page of nothing`);
  const items = contentOf(list, reply) as readonly Message[];
  let bytes = 0;
  const first = items.findIndex((item) => {
    bytes += toBinary(list.message, item).byteLength;
    return bytes > LONGEST_PAGE;
  });
  const count = first < 0 ? items.length : Math.max(1, first);
  return count === items.length ? undefined : count;
}

function isListOfMessages(field: DescField): field is DescField & { fieldKind: "list"; listKind: "message" } {
  return field.fieldKind === "list" && field.listKind === "message";
}
