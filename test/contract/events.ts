import { getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { complain, messagesOf, type Rule, shortName } from "./complaints.ts";

/** Every event names the field that holds the id of its aggregate, and that field can hold one. */
export const eventsRule: Rule = (files) =>
  files.flatMap((file) =>
    messagesOf(file)
      .filter((message) => hasOption(message, eventOption))
      .flatMap((message) => {
        const name = getOption(message, eventOption).aggregateId;
        const field = message.fields.find((it) => it.name === name);
        if (field?.fieldKind === "scalar" && field.scalar === ScalarType.STRING) return [];
        const what = field
          ? `aggregate_id names "${name}", which is no single string; name one`
          : `aggregate_id names "${name}", which is no field of the event; name the field with the aggregate's id`;
        return [complain(file, shortName(file, message.typeName), what)];
      }),
  );
