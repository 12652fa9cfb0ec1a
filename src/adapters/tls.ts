/**
 * How every connection checks the other side's certificate, whatever NODE_TLS_REJECT_UNAUTHORIZED says: that variable is
 * Node's default for agents that say nothing. An authority that is given counts although it is not a root, as for Go
 * (crypto/x509, Certificate.Verify) and curl (X509_V_FLAG_PARTIAL_CHAIN in lib/vtls/openssl.c).
 */
export const checked = { rejectUnauthorized: true, allowPartialTrustChain: true } as const;
