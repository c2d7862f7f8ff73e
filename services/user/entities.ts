import { defineEntity, p } from "@mikro-orm/core";

/** A user's profile; its id is the account's. */
export const Profile = defineEntity({
  name: "Profile",
  tableName: "profile",
  properties: {
    id: p.uuid().primary(),
    email: p.text(),
    firstName: p.text(),
    lastName: p.text(),
    locale: p.text().default(""),
    customerGroups: p.array().defaultRaw("'{}'"),
    vatId: p.text().default(""),
    staffNote: p.text().default(""),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
    /** When its user was deleted: of what stood above, the id is left, so that nothing makes it anew. */
    deleteTime: p.datetime().nullable(),
  },
});

/** An address in a user's address book. */
export const SavedAddress = defineEntity({
  name: "SavedAddress",
  tableName: "saved_address",
  properties: {
    id: p.uuid().primary(),
    userId: p.uuid(),
    isDefault: p.boolean().default(false),
    name: p.text(),
    line1: p.text(),
    line2: p.text(),
    city: p.text(),
    region: p.text(),
    postalCode: p.text(),
    countryCode: p.text(),
    phone: p.text(),
    version: p.integer().default(1),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [Profile, SavedAddress] as const;
