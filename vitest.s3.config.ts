import { defineConfig } from "vitest/config";

/** Against S3 servers written by others, as many as this machine can have; see scripts/rados-gateway.sh, scripts/versitygw.sh. */
export default defineConfig({
  test: {
    include: ["__tests__/s3/**/*.s3test.ts"],
    globalSetup: ["__tests__/s3/setup.ts", "__tests__/scenario/entry.ts"],
    // They ask the same servers; races among their own requests are enough.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ["default"],
  },
});
