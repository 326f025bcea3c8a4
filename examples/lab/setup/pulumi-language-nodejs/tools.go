//go:build tools

// Package tools pins the module that setup builds, so that go.sum verifies it.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
