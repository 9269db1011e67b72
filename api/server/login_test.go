package server

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syndicate/syndicate/api"
)

func TestLoginLinkLetsABrowserIn(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, newFake())
	to := *byPath(table())[api.PathLogins]
	if code, _, text := send(t, dir, to, to.path, ""); code != 409 || !strings.Contains(string(text), "syndicate.http") {
		t.Errorf("without an endpoint: %d %s", code, text)
	}
	if err := s.Listen(&HTTP{Listen: "127.0.0.1:0", Token: testToken}); err != nil {
		t.Fatal(err)
	}
	_, _, text := send(t, dir, to, to.path, "")
	var link api.Login
	if err := json.Unmarshal(text, &link); err != nil || strings.Contains(link.URL, testToken) {
		t.Fatalf("%s: %v", text, err)
	}
	browser := plain(t)
	browser.Jar, _ = cookiejar.New(nil)
	status := "http://" + s.Addr().String() + api.PathStatus
	if code, _ := get(t, browser, status); code != 401 {
		t.Errorf("before: %d", code)
	}
	if code, text := get(t, browser, link.URL); code != 200 || !strings.Contains(text, api.PathStatus) {
		t.Errorf("the link: %d %s", code, text)
	}
	if code, text := get(t, browser, status); code != 200 || !strings.Contains(text, "service.api") {
		t.Errorf("after: %d %s", code, text)
	}
	for _, c := range browser.Jar.Cookies(must(http.NewRequest("GET", status, nil)).URL) {
		if strings.Contains(c.Value, testToken) {
			t.Error("the cookie tells the token")
		}
	}
	if code, _ := get(t, plain(t), link.URL); code != 403 {
		t.Errorf("a second time: %d", code)
	}
	// Another token ends what the old one allowed.
	if err := s.Listen(&HTTP{Listen: "127.0.0.1:0", Token: testToken + "2"}); err != nil {
		t.Fatal(err)
	}
	if code, _ := get(t, browser, status); code != 401 {
		t.Errorf("after the token changed: %d", code)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestLoginLinksAreFewAndShortLived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l logins
		first, _, _ := l.issue(time.Now())
		for range maxLogins - 1 {
			if _, _, ok := l.issue(time.Now()); !ok {
				t.Fatal("too few links")
			}
		}
		if _, _, ok := l.issue(time.Now()); ok {
			t.Error("too many links")
		}
		time.Sleep(loginLife + time.Second)
		if l.redeem(first, time.Now()) {
			t.Error("an old link lets in")
		}
		if _, _, ok := l.issue(time.Now()); !ok {
			t.Error("old links are in the way")
		}
	})
}
