import type { ServiceProgram } from "#kit/service.ts";
import { auth } from "../../services/auth/service.ts";
import { inventory } from "../../services/inventory/service.ts";
import { notification } from "../../services/notification/service.ts";
import { order } from "../../services/order/service.ts";
import { payment } from "../../services/payment/service.ts";
import { product } from "../../services/product/service.ts";
import { user } from "../../services/user/service.ts";

/** The services of the shop as programs, for those who run or migrate them in one process. */
export const servicePrograms: readonly ServiceProgram[] = [
  auth,
  user,
  product,
  order,
  payment,
  inventory,
  notification,
];
