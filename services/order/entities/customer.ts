import { defineEntity, p } from "@mikro-orm/core";

/** The groups in which staff put a customer, as user told last. */
export const CustomerGroups = defineEntity({
  name: "CustomerGroups",
  tableName: "customer_groups",
  properties: { customerId: p.uuid().primary(), groups: p.array(), changeTime: p.datetime() },
});

/** A customer who was deleted: what is left of theirs is erased as soon as nothing is to be done with it. */
export const ForgottenCustomer = defineEntity({
  name: "ForgottenCustomer",
  tableName: "forgotten_customer",
  properties: { customerId: p.uuid().primary(), forgetTime: p.datetime().defaultRaw("now()") },
});
