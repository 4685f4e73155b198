-- wrk: 16 GETs in one write. wrk counts every answer as a request.
local batch

function init()
    local one = wrk.format()
    batch = one:rep(16)
end

function request()
    return batch
end
