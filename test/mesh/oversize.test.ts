import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import {
  type RequestReturnRequest,
  RequestReturnRequestSchema,
  ReturnReason,
} from "#gen/souk/order/v1/return_pb.ts";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { detailOf, type SoukError } from "#kit/error.ts";
import { decodeRequest } from "#kit/policy/decode.ts";
import { order } from "../../services/order/service.ts";
import { payment } from "../../services/payment/service.ts";
import { product } from "../../services/product/service.ts";
import { startTestMesh } from "../mesh.ts";

test("a list or a text far beyond its bound is refused for its length, and nothing in it is looked at", async (t) => {
  const mesh = await startTestMesh(t, [order, payment, product]);
  const id = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e1a";
  const many = Array.from({ length: 200_000 }, () => ({}));
  const long = "a".repeat(30_000);
  const calls: [() => Promise<unknown>, string][] = [
    [
      () => mesh.as(OrderService).editOrder({ orderId: id, lines: many }),
      "lines: must contain no more than 200 item(s)",
    ],
    [
      () =>
        mesh
          .as(ProductAdminService)
          .createProduct({ product: { title: "Lamp", variants: [{}], options: many } }),
      "product.options: must contain no more than 3 item(s)",
    ],
    [
      () => mesh.as(ProductAdminService).createProduct({ product: { options: [{}, { values: [long] }] } }),
      "product.options[1].values[0]: must be at most 100 characters",
    ],
    [() => mesh.as(GiftCardService).checkGiftCard({ code: long }), "code: must be at most 10000 characters"],
  ];
  for (const [call, message] of calls) {
    const refusal = await t.throwsAsync<SoukError>(call, undefined, message);
    t.is(refusal?.reason, "INVALID_REQUEST");
    t.is(refusal?.message, message);
    const { fieldViolations = [] } = (refusal && detailOf(refusal, BadRequestSchema)) ?? {};
    t.deepEqual(
      fieldViolations.map(({ field }) => `${field}`),
      [message.split(":")[0]],
    );
  }
});

test("what has more bytes than the rules of a request allow is refused before it is decoded", (t) => {
  const method = OrderService.method.requestReturn;
  const id = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e1a";
  const largest = create(RequestReturnRequestSchema, {
    orderId: id,
    items: Array.from({ length: 200 }, () => ({
      lineId: id,
      quantity: 1_000_000n,
      reason: ReturnReason.WRONG_SIZE,
    })),
    note: "😀".repeat(2_000),
    orderToken: "😀".repeat(200),
  });
  const decoded = decodeRequest(method, toBinary(RequestReturnRequestSchema, largest));
  t.deepEqual(decoded as RequestReturnRequest, largest);

  // The second field, empty, again and again.
  const flood = Buffer.alloc(4_000_000, Buffer.from([0x12, 0x00]));
  const refusal = t.throws<SoukError>(() => decodeRequest(method, flood));
  t.is(refusal.reason, "INVALID_REQUEST");
  t.is(refusal.message, "the request is too large; what the rules of its fields allow fits in 113320 bytes");
});
