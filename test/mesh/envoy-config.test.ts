import type { DescMethod } from "@bufbuild/protobuf";
import test from "ava";
import { contracts } from "#gen/contracts.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { ConfigurationError } from "#kit/config.ts";
import { isOpenToOutside, methodName, policyOf, serviceNameOf } from "#kit/contract.ts";
import { envoyConfig } from "../../deploy/envoy/config.ts";
import type { Topology } from "../../deploy/envoy/topology.ts";
import { services } from "../../deploy/local/shop.ts";
import { type Configuration, managerOf, type Route, routesOf } from "./envoy-routes.ts";
import { bootstrapReader } from "./envoy-schema.ts";

const address = (port: number) => ({ host: "127.0.0.1", port });
const topology: Topology = {
  services: services.map(({ name, port }) => ({ name, addresses: [address(port)] })),
  gateway: [address(3000)],
  edge: address(8080),
  mesh: address(15001),
  admin: address(9901),
  accessLog: "stdout",
};
const configuration = envoyConfig(topology) as unknown as Configuration;
const meshRoutes = routesOf(configuration, "mesh");
const edgeRoutes = routesOf(configuration, "edge");
const methods = [...contracts].flatMap((it): readonly DescMethod[] =>
  it.kind === "service" ? it.methods : [],
);
const ownMethods = methods.filter(({ parent }) => parent !== OperationsService);
const read = bootstrapReader();

test("the configuration is what Envoy's API says", (t) => {
  t.notThrows(() => read(configuration));
  t.notThrows(() => read(envoyConfig({ ...topology, accessLog: "/var/log/souk/access.log" })));
  t.notThrows(() => read(envoyConfig({ ...topology, gateway: [{ host: "gateway", port: 3000 }] })));
});

test("what is not in Envoy's API is found: fields, values and types, at any depth", (t) => {
  const text = JSON.stringify(configuration);
  for (const [right, wrong, complaint] of [
    ['"max_requests"', '"max_request"', /max_request/],
    ['"AUTO"', '"AUTOMATIC"', /AUTOMATIC/],
    ["filters.http.router.v3.Router", "filters.http.router.v3.Rooter", /Rooter/],
    ['"num_retries":2', '"num_retries":-2', /out of range/],
  ] as const) {
    t.true(text.includes(right), right);
    t.throws(() => read(JSON.parse(text.replace(right, wrong))), { message: complaint });
  }
});

test("every route leads to a cluster that exists, and every cluster has a name of its own", (t) => {
  const names = configuration.static_resources.clusters.map(({ name }) => name);
  t.deepEqual([...names].sort(), [...services.map(({ name }) => name), "gateway"].sort());
  for (const { route } of [...meshRoutes, ...edgeRoutes]) if (route) t.true(names.includes(route.cluster));
});

test("every method has one route in the mesh, to its service and with its policy's timeout", (t) => {
  for (const method of ownMethods) {
    const routes = meshRoutes.filter(({ match }) => match.path === `/${methodName(method)}`);
    t.is(routes.length, 1, methodName(method));
    t.is(routes[0]?.route?.cluster, serviceNameOf(method.parent));
    t.true(hasTimeout(routes[0] as Route, method), methodName(method));
  }
});

test("reflection and health of the mesh lead to the gateway", (t) => {
  const paths = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/List",
    "/grpc.health.v1.Health/Watch",
  ];
  for (const path of paths) {
    const clusters = meshRoutes.filter(({ match }) => match.path === path).map(({ route }) => route?.cluster);
    t.deepEqual(clusters, ["gateway"], path);
  }
});

test("operations have one route for each service, chosen by a header", (t) => {
  for (const method of OperationsService.methods) {
    const routes = meshRoutes.filter(({ match }) => match.path === `/${methodName(method)}`);
    t.deepEqual(
      routes.map(({ route }) => route?.cluster),
      services.map(({ name }) => name),
    );
    for (const route of routes) {
      t.true(hasTimeout(route, method));
      t.deepEqual(route.match.headers, [
        { name: "souk-service", string_match: { exact: route.route?.cluster as string } },
      ]);
    }
  }
});

test("a call is repeated where its policy says so, as often as it says, and nowhere else", (t) => {
  const paths = new Map(methods.map((method) => [`/${methodName(method)}`, policyOf(method)]));
  let repeated = 0;
  for (const { match, route } of meshRoutes) {
    const policy = paths.get(match.path ?? "");
    const retry = route?.retry_policy;
    const attempts = policy?.hedging?.maxAttempts ?? policy?.maxAttempts ?? 1;
    if (policy === undefined || attempts === 1) {
      t.is(retry, undefined, match.path ?? match.prefix);
      continue;
    }
    repeated++;
    t.is(retry?.num_retries, attempts - 1);
    t.is(retry?.retry_back_off.base_interval, `${policy.initialBackoffMs / 1000}s`);
    t.true(retry?.retry_on.split(",").includes("unavailable"));
    t.true(milliseconds(retry?.per_try_timeout as string) < policy.timeoutMs);
    t.is(route?.hedge_policy?.hedge_on_per_try_timeout, policy.hedging && true, match.path);
    if (policy.hedging) t.is(milliseconds(retry?.per_try_timeout as string), policy.hedging.delayMs);
  }
  t.true(repeated > 0);
});

test("the edge takes so many requests a second, the mesh any number", (t) => {
  const bucket = (rate: number) =>
    JSON.stringify({ max_tokens: rate, tokens_per_fill: rate / 10 }).slice(1, -1);
  const text = JSON.stringify(envoyConfig({ ...topology, edgeRate: 700 }));
  t.is(text.split(bucket(700)).length, 2);
  t.is(JSON.stringify(configuration).split(bucket(5_000)).length, 2);
});

test("streams may be silent for as long as they may last, on both listeners", (t) => {
  const streaming = ownMethods.filter(({ methodKind }) => methodKind !== "unary");
  t.true(streaming.length > 0);
  for (const method of streaming) {
    const { timeoutMs } = policyOf(method);
    const [edge] = edgeRoutes.filter(({ match }) => match.path === `/${methodName(method)}`);
    t.true(milliseconds(edge?.route?.idle_timeout ?? "") > timeoutMs);
    t.true(milliseconds(edge?.route?.max_stream_duration?.max_stream_duration ?? "") > timeoutMs);
    t.is(edge?.route?.timeout, undefined);
  }
  t.is(managerOf(configuration, "mesh").stream_idle_timeout, "0s");
  t.true(meshRoutes.every(({ route }) => route?.idle_timeout === undefined && route?.timeout === undefined));
});

test("the edge knows what is open to the outside, leads to the gateway alone and lets it answer first", (t) => {
  const paths = methods.filter(isOpenToOutside).map((method) => `/${methodName(method)}`);
  const known = edgeRoutes
    .flatMap(({ match }) => match.path ?? [])
    .filter((path) => path.startsWith("/souk."));
  t.deepEqual(known, paths);
  for (const { match, route } of edgeRoutes) {
    if (route === undefined) continue;
    t.is(route.cluster, "gateway");
    t.is(route.retry_policy, undefined);
    const method = methods.find((it) => `/${methodName(it)}` === match.path);
    const timeout = route.timeout ?? route.max_stream_duration?.max_stream_duration;
    if (method) t.true(milliseconds(timeout as string) > policyOf(method).timeoutMs, match.path);
  }
});

test("replicas with a name are looked up, those with an address are taken as they are", (t) => {
  const addresses = [
    { host: "order-0.shop", port: 3004 },
    { host: "order-1.shop", port: 3004 },
  ];
  const { static_resources } = envoyConfig({
    ...topology,
    services: topology.services.map((it) => (it.name === "order" ? { ...it, addresses } : it)),
  }) as unknown as Configuration;
  const types = new Map(static_resources.clusters.map(({ name, type }) => [name, type]));
  t.is(types.get("order"), "STRICT_DNS");
  t.is(types.get("payment"), "STATIC");
});

test("a topology without a service of the contracts, or with a name twice, is refused", (t) => {
  const withoutOrder = topology.services.filter(({ name }) => name !== "order");
  t.throws(() => envoyConfig({ ...topology, services: withoutOrder }), {
    instanceOf: ConfigurationError,
    message: /add them: order/,
  });
  const twice = [...topology.services, { name: "gateway", addresses: [] }, { name: "user", addresses: [] }];
  t.throws(() => envoyConfig({ ...topology, services: twice }), {
    instanceOf: ConfigurationError,
    message: /gateway is taken.*user is taken/,
  });
});

test("the same topology gives the same configuration", (t) => {
  t.deepEqual(envoyConfig(topology), envoyConfig(structuredClone(topology)));
});

function hasTimeout({ route }: Route, method: DescMethod): boolean {
  const { max_stream_duration, grpc_timeout_header_max } = route?.max_stream_duration ?? {};
  const expected = policyOf(method).timeoutMs;
  return [max_stream_duration, grpc_timeout_header_max].every((it) => milliseconds(it ?? "") === expected);
}

function milliseconds(text: string): number {
  return Number(/^([\d.]+)s$/.exec(text)?.[1]) * 1000;
}
