-- wrk: the POST of the benchmark, the same valid item every time.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"Teapot","price":12.5,"tags":["kitchen","tea"]}'
