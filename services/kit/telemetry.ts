import { type Meter, metrics, type Tracer, trace } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider, type ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** Where a service's spans and measurements go. */
export interface Telemetry {
  readonly tracer: Tracer;
  readonly meter: Meter;
}

/** The telemetry of this process. */
export interface ProcessTelemetry {
  /** The part of one service. */
  forService(name: string): Telemetry;
  /** All measurements in Prometheus' text format. */
  scrape(): Promise<string>;
  /** Sends what is left and stops. */
  stop(): Promise<void>;
}

/**
 * Starts the telemetry of this process: measurements are kept for Prometheus to scrape; with
 * OTEL_EXPORTER_OTLP_ENDPOINT set, traces and measurements are sent there as well. Spans are made
 * in the kit's own interceptors, not by patching libraries.
 *
 * @param env the environment; OpenTelemetry's own variables are heeded
 * @param ownName what the process is called where OTEL_SERVICE_NAME does not say
 */
export async function startTelemetry(env: NodeJS.ProcessEnv, ownName: string): Promise<ProcessTelemetry> {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer();
  const serviceName = env["OTEL_SERVICE_NAME"] || ownName;
  const { meter, stop } = env["OTEL_EXPORTER_OTLP_ENDPOINT"]
    ? await startSdk(reader, serviceName)
    : startMetricsOnly(reader);
  return {
    forService: (name) => ({ tracer: trace.getTracer(name), meter: meter(name) }),
    async scrape() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(named(resourceMetrics, serviceName));
    },
    stop,
  };
}

/** Says of whom the measurements are: what makes a resource that says so is a package of its own. */
function named({ resource, scopeMetrics }: ResourceMetrics, serviceName: string): ResourceMetrics {
  const attributes = { ...resource.attributes, "service.name": serviceName };
  return { resource: { ...resource, attributes }, scopeMetrics };
}

/** Where measurements go, and its end. */
interface Metering {
  meter(name: string): Meter;
  stop(): Promise<void>;
}

async function startSdk(reader: PrometheusExporter, serviceName: string): Promise<Metering> {
  // Loaded only where it is used: it costs 30 MB in each process.
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = new NodeSDK({ serviceName, metricReaders: [reader], instrumentations: [] });
  sdk.start();
  return { meter: (name) => metrics.getMeter(name), stop: () => sdk.shutdown() };
}

/** Not made the one of the process: that can be set once, and a test process starts many meshes. */
function startMetricsOnly(reader: PrometheusExporter): Metering {
  const provider = new MeterProvider({ readers: [reader] });
  return { meter: (name) => provider.getMeter(name), stop: () => provider.shutdown() };
}
