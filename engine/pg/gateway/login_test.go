package gateway

import (
	"testing"

	"github.com/xdg-go/scram"
)

// Whatever a client says before it has logged in: nobody gets in who does not
// know the password, and the gateway goes on.
func FuzzLogin(f *testing.F) {
	prover, err := scram.SHA256.NewClient("app", "swordfish", "")
	if err != nil {
		f.Fatal(err)
	}
	creds, err := prover.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 1})
	if err != nil {
		f.Fatal(err)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return creds, nil })
	if err != nil {
		f.Fatal(err)
	}
	server.WithNonceGenerator(func() string { return "known" })
	f.Add("n,,n=,r=mine", "c=biws,r=mineknown,p=AAAA")
	f.Add("p=tls-server-end-point,,n=,r=mine", "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCws,r=mineknown,p=AAAA")
	f.Add("y,,n=app,r=", "")
	f.Add("n,a=x,m=,n==2C,r=,", "c=,r=,p=")
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, talk := range []*scram.ServerConversation{
			server.NewConversation(),
			server.NewConversationWithChannelBinding(scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: []byte("hash")}),
		} {
			if _, err := talk.Step(first); err != nil {
				continue
			}
			if _, err := talk.Step(second); err == nil || talk.Valid() {
				t.Error("got in without the password")
			}
		}
	})
}
