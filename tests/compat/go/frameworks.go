// SPDX-License-Identifier: Apache-2.0

//go:build frameworks

// Package compat names the programs of mesos-go that tests/compat runs, so that go.mod and go.sum hold all they need.
package compat

import (
	_ "github.com/mesos/mesos-go/api/v0/examples/executor"
	_ "github.com/mesos/mesos-go/api/v0/examples/scheduler"
	_ "github.com/mesos/mesos-go/api/v1/cmd/example-executor"
	_ "github.com/mesos/mesos-go/api/v1/cmd/example-scheduler"
	_ "github.com/mesos/mesos-go/api/v1/cmd/msh"
	_ "github.com/mesos/mesos-go/api/v1/cmd/mwatch"
)
