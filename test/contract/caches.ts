import { type DescFile, getOption, hasOption } from "@bufbuild/protobuf";
import { event as eventOption, policy as policyOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { readTags, shapeOf } from "#kit/cache/tags.ts";
import { type Complaint, complain, messagesOf, type Rule, shortName } from "./complaints.ts";

/** A tag of answers or of an event, and where it is declared. */
interface Declared {
  readonly tag: string;
  readonly package: string;
  say(what: string): Complaint;
  /** @throws Error when a field in it is not there */
  check(): void;
}

/**
 * The fields in the tags of remembered answers and of events are there, and each tag is ended by an event of the same
 * package. Answers without tags live as long as their policy says, whatever happens.
 */
export const cachesRule: Rule = (files) => {
  const answers = files.flatMap(answerTags);
  const events = files.flatMap(eventTags);
  return [
    ...files.flatMap(rememberedStreams),
    ...[...answers, ...events].flatMap(({ say, check }) => {
      try {
        check();
        return [];
      } catch (error) {
        return [say((error as Error).message)];
      }
    }),
    ...answers
      .filter((answer) => !events.some((event) => isSame(answer, event)))
      .map(({ tag, say }) =>
        say(`no event of the package ends the tag "${tag}"; add it to invalidates of one, or remove it`),
      ),
    ...events
      .filter((event) => !answers.some((answer) => isSame(answer, event)))
      .map(({ tag, say }) => say(`no answer of the package has the tag "${tag}"; correct or remove it`)),
  ];
};

function isSame(one: Declared, other: Declared): boolean {
  return one.package === other.package && shapeOf(one.tag) === shapeOf(other.tag);
}

function answerTags(file: DescFile): Declared[] {
  return cachedMethods(file).flatMap(({ method, say }) => {
    const { cache } = getOption(method, policyOption);
    return (cache?.tags ?? []).map((tag) => ({
      tag,
      package: file.proto.package,
      say,
      check: () => void readTags([tag], method.output, method.input),
    }));
  });
}

function eventTags(file: DescFile): Declared[] {
  return messagesOf(file)
    .filter((message) => hasOption(message, eventOption))
    .flatMap((message) =>
      getOption(message, eventOption).invalidates.map((tag) => ({
        tag,
        package: file.proto.package,
        say: (what: string) => complain(file, shortName(file, message.typeName), what),
        check: () => void readTags([tag], message),
      })),
    );
}

function rememberedStreams(file: DescFile): Complaint[] {
  return cachedMethods(file)
    .filter(({ method }) => method.methodKind !== "unary")
    .map(({ say }) => say("only the answer of a unary method can be remembered; remove cache"));
}

function cachedMethods(file: DescFile) {
  return file.services
    .flatMap(({ methods }) => methods)
    .filter(
      (method) => hasOption(method, policyOption) && getOption(method, policyOption).cache !== undefined,
    )
    .map((method) => ({
      method,
      say: (what: string) =>
        complain(file, `${shortName(file, method.parent.typeName)}/${method.name}`, what),
    }));
}
