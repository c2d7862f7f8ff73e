declare module "pg" {
  namespace pg {
    interface QueryResult {
      rows: Record<string, unknown>[];
    }
    class Client {
      constructor(config: {
        connectionString: string;
        connectionTimeoutMillis: number;
        query_timeout: number;
      });
      connect(): Promise<void>;
      query(text: string, values?: unknown[]): Promise<QueryResult>;
      end(): Promise<void>;
      on(event: "error", listener: (error: Error) => void): this;
    }
    function escapeIdentifier(name: string): string;
  }
  export default pg;
}
