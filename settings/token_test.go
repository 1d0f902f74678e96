package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestAdminTokens(t *testing.T) {
	t.Parallel()
	one, two := sha256.Sum256([]byte("one")), sha256.Sum256([]byte("two"))
	s := mustLoad(t, fmt.Sprintf("admin_tokens = %x, ci:%x", one, two))
	if len(s.AdminTokens) != 2 || s.AdminTokens[0] != (Token{"", one}) || s.AdminTokens[1] != (Token{"ci", two}) {
		t.Errorf("admin_tokens = %v", s.AdminTokens)
	}
	if shown := fmt.Sprint(s.Map()["admin_tokens"]); strings.Contains(shown, hex.EncodeToString(one[:])) {
		t.Errorf("Map shows %s", shown)
	}
	for _, bad := range []string{"secret", "ci:secret", "ci:" + strings.Repeat("0", 63)} {
		_, err := loadWith(t, "admin_tokens = "+bad, nil, nil)
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "64 hexadecimal digits") {
			t.Errorf("admin_tokens = %s: %v", bad, err)
		}
	}
}
