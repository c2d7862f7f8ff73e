import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { file_souk_user_v1_events } from "#gen/souk/user/v1/events_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { on } from "#kit/events/subscription.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import { createProfile } from "./profiles.ts";
import { userRpc } from "./rpc/user.ts";
import { userStaffRpc } from "./rpc/user-staff.ts";

/** Users' profiles and address books, what the shop knows of users, and that it forgets them. */
export const user = defineService({
  name: "user",
  port: 3002,
  settings: {},
  data: { entities, migrations },
  events: [file_souk_user_v1_events],
  serve: ({ db }) => [implement(UserService, { ...userRpc(db), ...userStaffRpc(db) })],
  consumes: [AccountRegisteredSchema],
  consume: () => [on(AccountRegisteredSchema, createProfile)],
});
