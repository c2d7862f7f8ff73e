export default {
  files: ["test/**/*.test.ts"],
  extensions: ["ts"],
  timeout: "120s",
  workerThreads: false,
  // Room for what a process makes while it loads: else a tenth of its time goes into collecting that.
  nodeArguments: ["--min-semi-space-size=16", "--max-semi-space-size=32"],
};
