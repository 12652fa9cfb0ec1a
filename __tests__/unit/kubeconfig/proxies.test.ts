import { describe, expect, it } from "vitest";
import { parseKubeconfig } from "../../../src/kubeconfig/context.ts";
import { readProxyEnvironment, requireProxies, type Environment } from "../../../src/kubeconfig/proxies.ts";
import { kubeconfigText, refusal, shown } from "./kubeconfig-text.ts";

function parse(proxyUrl: string | undefined, environment: Environment = {}) {
  const { proxy, socksProxy } = parseKubeconfig(
    kubeconfigText({ cluster: proxyUrl === undefined ? {} : { "proxy-url": proxyUrl } }),
    { environment },
  );
  return { proxy, socksProxy };
}

describe("the proxy of a kubeconfig", () => {
  const environment = { HTTPS_PROXY: "http://ambient.example.test:3128", NO_PROXY: "api.example.test" };

  it.each<[string, string | undefined, Environment, ReturnType<typeof parse>]>([
    ["is none without any", undefined, {}, { proxy: {}, socksProxy: undefined }],
    ["is none where the environment's are empty", undefined, { HTTPS_PROXY: "", https_proxy: "" }, direct()],
    ["is the environment's", undefined, { https_proxy: "http://p:3128" }, through("http://p:3128/")],
    ["is its proxy-url, whatever the environment says", "http://p:3128", environment, through("http://p:3128/")],
    ["may speak TLS", "https://p:3129", {}, through("https://p:3129/")],
    ["may have a password", "http://u%40d:p%3Aw@p:3128", {}, through("http://u%40d:p%3Aw@p:3128/")],
    ["may be written in capitals", "HTTP://P:3128", {}, through("http://p:3128/")],
    ["may be SOCKS5", "socks5://u:p@p:1080", environment, { proxy: {}, socksProxy: "socks5h://u:p@p:1080" }],
    ["may be SOCKS5 that looks names up", "socks5h://p", {}, { proxy: {}, socksProxy: "socks5h://p" }],
  ])("%s", (_title, proxyUrl, given, expected) => {
    expect(parse(proxyUrl, given)).toStrictEqual(expected);
  });

  it.each([
    "p:3128",
    "ftp://p:3128",
    "socks4://p:1080",
    "socks5://",
    "http://",
    "javascript:alert(1)",
    "http://user:50%-secret@p:3128",
    "socks5://user:50%-secret@p:1080",
  ])("is refused when it is %s", (proxyUrl) => {
    const refused = refusal(kubeconfigText({ cluster: { "proxy-url": proxyUrl } }));
    expect(refused.code).toBe("kubeconfig-refused");
    expect(refused.message).toContain("cluster.proxy-url");
    expect(shown(refused)).not.toContain("-secret");
  });

  function direct() {
    return { proxy: {}, socksProxy: undefined };
  }

  function through(address: string) {
    return { proxy: { HTTPS_PROXY: address }, socksProxy: undefined };
  }
});

describe("the proxies of the environment", () => {
  it("are told in lower case before upper case", () => {
    expect(
      readProxyEnvironment({
        HTTPS_PROXY: "socks5://not.looked.at",
        https_proxy: "http://lower:1",
        HTTP_PROXY: "http://upper:2",
        NO_PROXY: "upper.test",
        no_proxy: "lower.test",
      }),
    ).toStrictEqual({ HTTPS_PROXY: "http://lower:1/", HTTP_PROXY: "http://upper:2/", NO_PROXY: ".lower.test" });
  });

  it.each(["p:3128", "10.0.0.1:3128", "socks5://p:1080", "::", "http://", "http://user:50%-secret@p"])(
    "are refused with their name when one is %s",
    (value) => {
      for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY"]) {
        const refused = refusal(kubeconfigText(), { environment: { [name]: value } });
        expect(refused.code).toBe("input-invalid");
        expect(refused.message).toContain(name);
        expect(shown(refused)).not.toContain("-secret");
      }
    },
  );

  it("are refused where Node.js would not look at them", () => {
    for (const version of ["24.4.1", "24.0.0", "23.99.0"])
      expect(() => {
        requireProxies("HTTPS_PROXY", version);
      }).toThrow(expect.objectContaining({ code: "input-invalid" }));
    for (const version of ["24.5.0", "24.21.0", "25.0.0", process.versions.node])
      expect(() => {
        requireProxies("HTTPS_PROXY", version);
      }).not.toThrow();
  });

  it.each([
    ["*", "*"],
    ["example.test", ".example.test"],
    [".example.test, localhost other.test", ".example.test,.localhost,.other.test"],
    ["*.example.test", "*.example.test"],
    ["example.test:6443", "example.test:6443"],
    ["10.1.2.3", "10.1.2.3"],
    ["10.0.0.0/8,172.30.17.4/16", "10.0.0.0-10.255.255.255,172.30.0.0-172.30.255.255"],
    ["192.168.7.255/32,0.0.0.0/0", "192.168.7.255-192.168.7.255,0.0.0.0-255.255.255.255"],
    ["10.0.0.0/33", "10.0.0.0/33"],
    ["192.168.1.1-192.168.1.9", "192.168.1.1-192.168.1.9"],
    ["[::1],fd00::1", "::1,fd00::1"],
    [" , ", ""],
  ])("pass by %s as kubectl does", (given, expected) => {
    expect(readProxyEnvironment({ NO_PROXY: given }).NO_PROXY).toBe(expected);
  });
});
