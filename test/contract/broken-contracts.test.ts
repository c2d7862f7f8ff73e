import type { DescMessage } from "@bufbuild/protobuf";
import test from "ava";
import { exampleRequest } from "../../deploy/contracts/example-request.ts";
import { auditRule } from "./audit.ts";
import { boundsRule } from "./bounds.ts";
import { cachesRule } from "./caches.ts";
import { sampleContract } from "./compile.ts";
import type { Rule } from "./complaints.ts";
import { eventsRule } from "./events.ts";
import { pagesRule } from "./pages.ts";
import { refusalsRule } from "./refusals.ts";
import { secretsRule } from "./secrets.ts";

test("a field of a request that can be of any length is named with the remedy", async (t) => {
  const sample = await sampleContract(
    t,
    `message Request {
      string text = 1;
      string email = 2 [(buf.validate.field).string.email = true];
      string open_pattern = 3 [(buf.validate.field).string.pattern = "^[a-z]+$"];
      string loose_pattern = 4 [(buf.validate.field).string.pattern = "[a-z]{3}"];
      bytes data = 5 [(buf.validate.field).bytes.min_len = 1];
      repeated int32 numbers = 6;
      repeated string words = 7 [(buf.validate.field).repeated.max_items = 9];
      map<string, string> labels = 8 [(buf.validate.field).map = {max_pairs: 9 values: {string: {max_len: 9}}}];
      google.protobuf.FieldMask mask = 9;
      Part part = 10;
      string bounded = 11 [(buf.validate.field).string.max_len = 9];
      string exact_pattern = 12 [(buf.validate.field).string.pattern = "^[A-Z+*]{3}\\\\+[0-9]{1,4}$"];
      string id = 13 [(buf.validate.field).string.uuid = true];
      string member = 14 [(buf.validate.field).string = {in: ["a", "b"]}];
      repeated string ids = 15 [(buf.validate.field).repeated = {max_items: 9 items: {string: {uuid: true}}}];
    }
    message Part { string inner = 1; Request again = 2; }
    message Response { string text = 1; }
    service Samples { rpc Take(Request) returns (Response); }`,
  );
  const where = "souk/sample/v1/sample.proto";
  t.deepEqual(boundsRule([await sample.compile()]), [
    `${where}: Request.text: has no bound; add string.max_len, or a rule that implies one`,
    `${where}: Request.email: has no bound; add string.max_len, or a rule that implies one`,
    `${where}: Request.open_pattern: has no bound; add string.max_len, or a rule that implies one`,
    `${where}: Request.loose_pattern: has no bound; add string.max_len, or a rule that implies one`,
    `${where}: Request.data: has no bound; add bytes.max_len`,
    `${where}: Request.numbers: has no bound; add repeated.max_items`,
    `${where}: Request.words: each item has no bound; add string.max_len, or a rule that implies one`,
    `${where}: Request.labels: each key has no bound; add string.max_len, or a rule that implies one`,
    `${where}: Request.mask: has no bound; name the fields that may change in field_mask.in`,
    `${where}: Part.inner: has no bound; add string.max_len, or a rule that implies one`,
  ]);
});

const smallBreaches: [title: string, rule: Rule, body: string, complaints: string[]][] = [
  [
    "a secret field that is not marked as such is named with the remedy",
    secretsRule,
    `message M {
      string password = 1;
      string new_email = 2;
      bytes totp_secret = 3;
      string next_page_token = 4;
      string emailed = 5;
      string phone = 6 [debug_redact = true];
      bool phone_token = 7;
      repeated string recovery_codes = 8;
    }`,
    ["password", "new_email", "totp_secret", "recovery_codes"].map(
      (name) => `M.${name}: is secret or personal; add debug_redact = true`,
    ),
  ],
  [
    "a reason to refuse a call without a status code is named with the remedy",
    refusalsRule,
    `enum ErrorReason {
      ERROR_REASON_UNSPECIFIED = 0;
      ERROR_REASON_SOUND = 1 [(souk.mesh.v1.error).code = NOT_FOUND];
      ERROR_REASON_BARE = 2;
      ERROR_REASON_FINE = 3 [(souk.mesh.v1.error).code = OK];
    }`,
    ["BARE", "FINE"].map((name) => `${name}: has no status code; add [(souk.mesh.v1.error).code = ...]`),
  ],
  [
    "an event without the id of its aggregate is named with the remedy",
    eventsRule,
    `message NoField { option (souk.mesh.v1.event) = {aggregate_id: "id"}; string other = 1; }
    message NoText { option (souk.mesh.v1.event) = {aggregate_id: "id"}; int64 id = 1; }
    message Several { option (souk.mesh.v1.event) = {aggregate_id: "id"}; repeated string id = 1; }
    message NoName { option (souk.mesh.v1.event) = {}; string id = 1; }
    message Sound { option (souk.mesh.v1.event) = {aggregate_id: "id"}; string id = 1; }
    message NoEvent { string id = 1; }`,
    [
      'NoField: aggregate_id names "id", which is no field of the event; name the field with the aggregate\'s id',
      'NoText: aggregate_id names "id", which is no single string; name one',
      'Several: aggregate_id names "id", which is no single string; name one',
      'NoName: aggregate_id names "", which is no field of the event; name the field with the aggregate\'s id',
    ],
  ],
  [
    "a method that staff change things with and nothing records, or that names no object, is named with the remedy",
    auditRule,
    `message M { string id = 1; string email = 2 [debug_redact = true]; repeated string ids = 3; N n = 4; }
    message N { string id = 1; }
    service Samples {
      ${[
        ["Unrecorded", `access: {permission: "a:b"}`],
        ["NoRecord", `access: {public: {}} object: "id"`],
        ["Nowhere", `access: {public: {}} audit: true object: "n.name"`],
        ["Nowhere2", `access: {public: {}} audit: true object: "response.id.id"`],
        ["Several", `access: {public: {}} audit: true object: "ids"`],
        ["Personal", `access: {public: {}} audit: true object: "response.email"`],
        ["Sound", `access: {permission: "a:b"} audit: true object: "response.n.id"`],
        ["SoundToo", "access: {public: {}} audit: true"],
      ]
        .map(
          ([name, policy]) =>
            `rpc ${name}(M) returns (M) { option (souk.mesh.v1.policy) = {${policy} timeout: {seconds: 1}}; }`,
        )
        .join("\n")}
    }`,
    [
      "Samples/Unrecorded: changes something for who holds a:b; add audit: true",
      "Samples/NoRecord: object is for the record of a call; add audit: true or remove it",
      'Samples/Nowhere: object "n.name" leads to no field; correct it',
      'Samples/Nowhere2: object "response.id.id" leads to no field; correct it',
      'Samples/Several: object "ids" is no single text; name the field with the id',
      'Samples/Personal: object "response.email" is secret or personal; name a field that may stand in a record',
    ],
  ],
  [
    "a tag that no event ends, or that names a field that is not there, is named with the remedy",
    cachesRule,
    `message Request { string id = 1; }
    message Response { string id = 1; repeated string ids = 2; Request part = 3; }
    message Changed {
      option (souk.mesh.v1.event) = {
        aggregate_id: "id"
        invalidates: ["sound:{id}", "all", "wrong:{name}", "nobody:{id}"]
      };
      string id = 1;
    }
    service Samples {
      rpc Get(Request) returns (Response) {
        option (souk.mesh.v1.policy) = {cache: {tags: ["sound:{part.id}", "sound:{request.id}", "all", "wrong:{id}"]}};
      }
      rpc Bad(Request) returns (Response) {
        option (souk.mesh.v1.policy) = {cache: {tags: ["sound:{ids}", "sound:{request.name}", "endless:{id}"]}};
      }
      rpc Watch(Request) returns (stream Response) {
        option (souk.mesh.v1.policy) = {cache: {}};
      }
    }`,
    [
      "Samples/Watch: only the answer of a unary method can be remembered; remove cache",
      'Samples/Bad: the tag "sound:{ids}" names ids, which is no single text or number; name one',
      'Samples/Bad: the tag "sound:{request.name}" names name, which is no field of Request; correct it',
      'Changed: the tag "wrong:{name}" names name, which is no field of Changed; correct it',
      'Samples/Bad: no event of the package ends the tag "endless:{id}"; add it to invalidates of one, or remove it',
      'Changed: no answer of the package has the tag "nobody:{id}"; correct or remove it',
    ],
  ],
  [
    "a method that gives pages in its own way is named with the remedy",
    pagesRule,
    `message NoSize { string page_token = 1; }
    message Asks { int32 page_size = 1; string page_token = 2; }
    message Tells { string next_page_token = 1; repeated Bare items = 2; }
    message Both { string next_page_token = 1; repeated Bare items = 2; repeated Bare others = 3; }
    message Bare {}
    service Samples {
      rpc A(NoSize) returns (Tells);
      rpc B(Asks) returns (Bare);
      rpc C(Asks) returns (Tells);
      rpc D(Bare) returns (Bare);
      rpc E(Asks) returns (Both);
    }`,
    [
      "NoSize: gives pages and has no int32 page_size; add it",
      "Bare: gives pages and has no string next_page_token; add it",
      "Both: is a page; have it hold one list of messages",
    ],
  ],
];

for (const [title, rule, body, complaints] of smallBreaches) {
  test(title, async (t) => {
    const sample = await sampleContract(t, body);
    const found = rule([await sample.compile()]);
    t.deepEqual(
      found.map((line) => line.replace("souk/sample/v1/sample.proto: ", "").replace("ERROR_REASON_", "")),
      complaints,
    );
  });
}

test("a field whose form its rules do not show asks for an example, and one that has it is shown", async (t) => {
  const sample = await sampleContract(
    t,
    `message Request {
      string id = 1 [(buf.validate.field).string.uuid = true];
      Part part = 2 [(buf.validate.field).required = true];
      string left_out = 3 [(buf.validate.field).string.max_len = 9];
    }
    message Part { string code = 1 [(buf.validate.field).string.pattern = "^[A-Z]{3}$"]; }
    message Shown { string code = 1 [(buf.validate.field).string.pattern = "^[A-Z]{3}$", (souk.mesh.v1.example) = "ABC"]; }
    message Wrong { string code = 1 [(buf.validate.field).string.pattern = "^[A-Z]{3}$", (souk.mesh.v1.example) = "abc"]; }`,
  );
  const [request, , shown, wrong] = (await sample.compile()).messages as DescMessage[];
  t.throws(() => exampleRequest(request as DescMessage), {
    message:
      /^souk\.sample\.v1\.Request\.part\.code has no example: .*; add option \(souk\.mesh\.v1\.example\)/,
  });
  t.deepEqual(exampleRequest(shown as DescMessage), { code: "ABC" });
  t.throws(() => exampleRequest(wrong as DescMessage), {
    message: /Wrong\.code has no example: does not match/,
  });
});

test("whatever has no comment is named by the linter", async (t) => {
  const sample = await sampleContract(
    t,
    `message GetRequest {
      string text = 1;
      oneof either { int32 number = 2; }
    }
    message GetResponse {}
    enum Kind {
      KIND_UNSPECIFIED = 0;
    }
    service SampleService {
      rpc Get(GetRequest) returns (GetResponse);
    }`,
  );
  const complaints = (await sample.lint()).filter((line) => line.includes("comment")).join("\n");
  for (const what of ["Field", "Oneof", "Message", "Enum", "Enum value", "Service", "RPC"]) {
    t.regex(complaints, new RegExp(`:${what} "\\w+" should have a non-empty comment`), complaints);
  }
});
