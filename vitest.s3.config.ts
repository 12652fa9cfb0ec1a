import { defineConfig } from "vitest/config";

/** Against a RADOS gateway, an S3 server written by others; needs Ceph's packages, see scripts/rados-gateway.sh. */
export default defineConfig({
  test: {
    include: ["__tests__/s3/**/*.s3test.ts"],
    globalSetup: ["__tests__/s3/setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ["default"],
  },
});
