-- wrk's part of bench/load.py: sends one body after the other from a file with one a line, and prints JSON at the end.
--
--   wrk … --script bench/load.lua URL -- bodies.txt
--
-- wrk itself counts replies of status 400 and above; nothing that is measured redirects.

local requests, turn = {}, 0

function init(args)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    for body in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format(nil, nil, nil, body)
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "bad": %d, "broken": %d, "p50": %d, "p99": %d, "p999": %d}\n',
        summary.requests, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
    ))
end
