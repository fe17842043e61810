// SPDX-License-Identifier: Apache-2.0
// node framework.js <scenario> <host:port> <settings in JSON>: a scheduler on mesos-framework of npm, unmodified. Ends
// with 0 once everything the scenario expects has come; what has not come is told by whoever stops waiting.
"use strict";

const assert = require("assert");
const { Scheduler, Mesos } = require("mesos-framework");

const proto = Mesos.getMesos();
const [scenario, master, settings] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const TERMINAL = ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR"];

// A task that the library launches with the first offer that fits.
function task(command, more) {
    return {
        instances: 1,
        resources: { cpus: 0.1, mem: 32, disk: 0, ports: 1 },
        commandInfo: new proto.CommandInfo(null, null, true, command, null, null),
        ...more,
    };
}

function echoExecutor() {
    return { executor_id: { value: "echo" }, command: { value: settings.echo } };
}

class Framework {
    constructor(tasks, options = {}) {
        const [host, port] = master.split(":");
        this.events = [];
        this.wake = () => {};
        this.scheduler = new Scheduler({
            masterUrl: host, port, user: settings.user, frameworkName: "node", restartStates: [], tasks,
            logging: { path: settings.logs, fileName: "node.log" }, ...options,
        });
        for (const kind of ["subscribed", "update", "message", "failure", "error"])
            this.scheduler.on(kind, (event) => {
                console.log(kind, JSON.stringify(event));
                this.events.push({ kind, event });
                this.wake();
            });
    }

    // Wait for an event of a kind that passes; those of that kind before it are dropped.
    async expect(kind, passes = () => true) {
        for (;;) {
            const at = this.events.findIndex((e) => e.kind === kind || (e.kind === "error" && !this.mayFail));
            if (at >= 0) {
                const [{ kind: found, event }] = this.events.splice(at, 1);
                assert.strictEqual(found, kind, JSON.stringify(event));
                if (passes(event))
                    return event;
            } else {
                await new Promise((resolve) => { this.wake = resolve; });
            }
        }
    }

    async subscribe(id = null) {
        this.scheduler.frameworkId = id;
        await new Promise((resolve) => this.scheduler.once("ready", resolve));
        this.scheduler.subscribe();
        const { frameworkId, mesosStreamId } = await this.expect("subscribed");
        assert(mesosStreamId);
        if (id)
            assert.strictEqual(frameworkId, id);
        return frameworkId;
    }

    // Wait for a state of the task whose id has that name in it.
    async status(name, state) {
        const { status } = await this.expect("update", (update) => {
            if (!update.status.task_id.value.includes(name))
                return false;
            assert(update.status.state === state || !TERMINAL.includes(update.status.state), JSON.stringify(update));
            return update.status.state === state;
        });
        return status;
    }

    async teardown() {
        this.mayFail = true; // the stream ends
        this.scheduler.teardown();
        await new Promise((resolve) => this.scheduler.once("sent_teardown", resolve));
    }
}

const scenarios = {
    async a_task_runs_to_its_end() {
        const framework = new Framework({ hello: task('echo "hello from node on $HOST"') });
        await framework.subscribe();
        await framework.status("hello", "TASK_RUNNING");
        assert.match((await framework.status("hello", "TASK_FINISHED")).message, /exited with status 0/);
        await framework.teardown();
    },

    // The library launches it anew by itself, with the environment that it had.
    async a_failed_task_is_restarted() {
        const options = { restartStates: ["TASK_FAILED"] };
        const framework = new Framework({ shaky: task(`mkdir '${settings.logs}/once' && exit 9; exit 0`) }, options);
        await framework.subscribe();
        const failed = await framework.status("shaky", "TASK_FAILED");
        framework.scheduler.revive();
        const finished = await framework.status("shaky", "TASK_FINISHED");
        assert.notStrictEqual(failed.task_id.value, finished.task_id.value);
        await framework.teardown();
    },

    async tasks_are_reconciled_and_killed() {
        const framework = new Framework({ sleeper: task("sleep 1000", { instances: 3 }) });
        await framework.subscribe();
        const running = [];
        while (running.length < 3)
            running.push(await framework.status("sleeper", "TASK_RUNNING"));
        const { task_id: { value: id }, agent_id: { value: agent } } = running[0];
        framework.scheduler.reconcile(id, agent);
        const known = await framework.status(id, "TASK_RUNNING");
        assert.strictEqual(known.reason, "REASON_RECONCILIATION");
        assert(!("uuid" in known));
        framework.scheduler.reconcile("stranger", agent);
        assert.strictEqual((await framework.status("stranger", "TASK_LOST")).reason, "REASON_RECONCILIATION");
        framework.scheduler.kill(id, agent);
        await framework.status(id, "TASK_KILLED");
        framework.scheduler.reconcile();
        const rest = [await framework.status("sleeper", "TASK_RUNNING"), await framework.status("sleeper", "TASK_RUNNING")];
        assert.deepStrictEqual(rest.map((status) => status.task_id.value).sort(),
                               running.slice(1).map((status) => status.task_id.value).sort());
        await framework.teardown();
    },

    async messages_go_to_an_executor_and_back() {
        // The library itself launches only what has a command, and so nothing that has an executor.
        let isLaunched = false;
        const framework = new Framework({}, { handlers: { OFFERS(event) {
            const [offer] = event.offers;
            const chat = { name: "chat", task_id: { value: "chat" }, agent_id: offer.agent_id, executor: echoExecutor(),
                           resources: [{ name: "cpus", type: "SCALAR", scalar: { value: 0.1 } }] };
            this.accept([offer.id], isLaunched ? [] : [{ type: "LAUNCH", launch: { task_infos: [chat] } }], null);
            isLaunched = true;
        } } });
        await framework.subscribe();
        const { agent_id: { value: agent } } = await framework.status("chat", "TASK_RUNNING");
        framework.scheduler.message(agent, "echo", "ping from node");
        const message = await framework.expect("message");
        assert.strictEqual(message.data, "ping from node");
        assert.strictEqual(message.executorId.value, "echo");
        await framework.teardown();
    },

    async failover_first() {
        const framework = new Framework({ survivor: task("sleep 1000") });
        console.log("framework", await framework.subscribe());
        await framework.status("survivor", "TASK_RUNNING");
    },

    async failover_second() {
        const framework = new Framework({});
        await framework.subscribe(settings.framework);
        framework.scheduler.reconcile();
        const { task_id: { value: id }, agent_id: { value: agent } } = await framework.status("survivor", "TASK_RUNNING");
        framework.scheduler.kill(id, agent);
        await framework.status("survivor", "TASK_KILLED");
        await framework.teardown();
    },

    // The master is killed and started again by whoever reads "ready".
    async it_subscribes_again_to_a_restarted_master() {
        const framework = new Framework({ sleeper: task("sleep 1000") });
        const id = await framework.subscribe();
        const { task_id: { value: task_id }, agent_id: { value: agent } } = await framework.status("sleeper", "TASK_RUNNING");
        framework.mayFail = true;
        // The library tries again when its stream ends, which one that breaks off does not in today's Node.
        const { scheduler } = framework;
        const retry = () => setTimeout(() => {
            delete scheduler.requestTemplate.headers["mesos-stream-id"];
            scheduler.mesosStreamId = undefined;
            scheduler.subscribe();
            scheduler.httpRequest.once("close", retry);
        }, 200);
        scheduler.httpRequest.once("close", retry);
        console.log("ready");
        assert.strictEqual((await framework.expect("subscribed")).frameworkId, id);
        scheduler.kill(task_id, agent);
        await framework.status("sleeper", "TASK_KILLED");
        await framework.teardown();
    },
};

process.exitCode = 1; // unless something is waited for until it comes

scenarios[scenario]().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
