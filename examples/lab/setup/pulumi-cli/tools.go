//go:build tools

// Package tools pins the module that setup builds, so that go.sum verifies it.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
