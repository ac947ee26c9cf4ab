package bucket

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPolicyAllowsWhatIsAsked has the policy that our hints name be enough: each
// action that the code names is in it.
func TestPolicyAllowsWhatIsAsked(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "iam-policies", policy+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, s := range document.Statement {
		allowed = append(allowed, s.Action...)
	}
	// Version ids go with the requests, and count as actions of their own.
	needed := []string{"s3:GetObjectVersion", "s3:ListMultipartUploadParts", "kms:GenerateDataKey", "kms:Decrypt"}
	named := regexp.MustCompile(`"(s3:[A-Za-z]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(src, -1) {
			needed = append(needed, string(m[1]))
		}
	}
	if len(needed) < 10 {
		t.Fatalf("found the actions %q alone", needed)
	}
	for _, action := range needed {
		if action != "s3:ListBucket" && !slices.Contains(allowed, action) { // see Open
			t.Errorf("%s is not in %s", action, policy)
		}
	}
}
