import { type DescField, type DescFile, ScalarType } from "@bufbuild/protobuf";
import { complain, fieldPath, messagesOf, type Rule } from "./complaints.ts";

/** The last words of the names of fields that tell a secret or something about a person. */
const secretNames = [
  // What opens something.
  ...["password", "secret", "token", "tokens", "private_key", "api_key", "recovery_code", "recovery_codes"],
  ...["totp_code", "otpauth_uri", "authorization_uri", "authorization", "cookie", "signature"],
  // What one pays with.
  ...["card_number", "iban", "vat_id"],
  // Who somebody is, and how to reach them.
  ...["email", "phone", "first_name", "last_name", "full_name", "author_name", "birth_date"],
  ...["ip", "ip_address", "user_agent"],
  // Where somebody lives, and what is on its way there.
  ...["line1", "line2", "postal_code", "city", "region", "tracking_number", "tracking_uri"],
  // What people write in their own words.
  ...["note", "instructions", "cancel_reason"],
];
const secret = new RegExp(`(^|_)(${secretNames.join("|")})$`);

/** Where a page goes on says nothing about anybody. */
const pageToken = /(^|_)page_token$/;

/** Every text whose name says that it is secret or personal is kept out of logs, traces and error texts. */
export const secretsRule: Rule = (files) =>
  files.flatMap((file) =>
    fieldsOf(file)
      .filter((field) => isText(field) && secret.test(field.name) && !pageToken.test(field.name))
      .filter((field) => !field.proto.options?.debugRedact)
      .map((field) => complain(file, fieldPath(field), "is secret or personal; add debug_redact = true")),
  );

function fieldsOf(file: DescFile): DescField[] {
  return messagesOf(file).flatMap((message) => message.fields);
}

function isText(field: DescField): boolean {
  return field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
}
