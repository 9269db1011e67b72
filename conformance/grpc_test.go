package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/syndicate/syndicate/engine/breaker/proxy"
)

// gRPC's interop client (its test cases are those of
// https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md)
// talks to its interop server through a breaker, over h2c and over TLS.
func TestGRPC(t *testing.T) {
	certificate, authorities := selfSigned(t)
	for _, upstream := range []struct {
		name, scheme string
		options      []grpc.ServerOption
		policy       proxy.Policy
	}{
		{"h2c", "http", nil, proxy.Policy{}},
		{"TLS", "https", []grpc.ServerOption{grpc.Creds(credentials.NewServerTLSFromCert(&certificate))},
			proxy.Policy{TLS: &proxy.TLS{Authorities: authorities}}},
		{"with retries", "http", nil, proxy.Policy{Rules: proxy.Rules{Retry: &proxy.Retry{
			Attempts: 3, Delay: time.Millisecond, MaxDelay: time.Second, Factor: 2, Methods: []string{"POST"}, GRPC: []int{14}, MaxBody: 64 << 10, MinPerSecond: 3,
		}}}},
	} {
		t.Run(upstream.name, func(t *testing.T) {
			server := grpc.NewServer(upstream.options...)
			testpb.RegisterTestServiceServer(server, interop.NewTestServer())
			l := listen(t)
			go func() { _ = server.Serve(l) }()
			t.Cleanup(server.Stop)
			addr, guard := through(t, upstream.scheme+"://"+l.Addr().String(), upstream.policy)
			cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cc.Close() })
			client := testpb.NewTestServiceClient(cc)
			// A failed case ends the process, and says which it was.
			for name, run := range map[string]func(){
				"empty_unary":                 func() { interop.DoEmptyUnaryCall(t.Context(), client) },
				"large_unary":                 func() { interop.DoLargeUnaryCall(t.Context(), client) },
				"client_streaming":            func() { interop.DoClientStreaming(t.Context(), client) },
				"server_streaming":            func() { interop.DoServerStreaming(t.Context(), client) },
				"ping_pong":                   func() { interop.DoPingPong(t.Context(), client) },
				"empty_stream":                func() { interop.DoEmptyStream(t.Context(), client) },
				"timeout_on_sleeping_server":  func() { interop.DoTimeoutOnSleepingServer(t.Context(), client) },
				"cancel_after_begin":          func() { interop.DoCancelAfterBegin(t.Context(), client) },
				"cancel_after_first_response": func() { interop.DoCancelAfterFirstResponse(t.Context(), client) },
				"custom_metadata":             func() { interop.DoCustomMetadata(t.Context(), client) },
				"unimplemented_method":        func() { interop.DoUnimplementedMethod(t.Context(), cc) },
				"unimplemented_service": func() {
					interop.DoUnimplementedService(t.Context(), testpb.NewUnimplementedServiceClient(cc))
				},
			} {
				t.Log(name)
				run()
			}
			// Nothing of that says that the server is unwell.
			if n := guard.Snapshot().Numbers; n.Failures != 0 {
				t.Errorf("the guard counted %+v: %v", n, guard.Snapshot().Failures)
			}
			// These ask for UNKNOWN, which is a failure.
			interop.DoStatusCodeAndMessage(t.Context(), client)
			interop.DoSpecialStatusMessage(t.Context(), client)
			if n := guard.Snapshot().Numbers; n.Failures != 3 {
				t.Errorf("the guard counted %+v", n)
			}
			// While it is open, clients get a status as they know it.
			guard.Trip(time.Hour, "a test")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err = client.EmptyCall(ctx, &testpb.Empty{})
			if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "demo: the circuit breaker is open: tripped by hand" {
				t.Errorf("while open: %v", err)
			}
		})
	}
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority.
func selfSigned(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: loopback,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
