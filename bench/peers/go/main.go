// The benchmark's routes on Go's net/http, without any other package.
// Usage: go_peer PORT UPSTREAM UPSTREAM UPSTREAM  (ports on 127.0.0.1)
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

type Item struct {
	ItemID int64 `json:"item_id"`
}

type NewItem struct {
	Name  string   `json:"name"`
	Price float64  `json:"price"`
	Tags  []string `json:"tags"`
}

type Service struct {
	Service string   `json:"service"`
	Value   int      `json:"value"`
	OK      bool     `json:"ok"`
	Tags    []string `json:"tags"`
}

type Joined struct {
	A Service `json:"a"`
	B Service `json:"b"`
	C Service `json:"c"`
}

func (item *NewItem) valid() bool {
	length := utf8.RuneCountInString(item.Name)
	return length >= 1 && length <= 100 && item.Price >= 0 && item.Tags != nil && len(item.Tags) <= 16
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

func refuse(w http.ResponseWriter, what string) {
	answer(w, http.StatusUnprocessableEntity, map[string]string{"detail": what})
}

func readItem(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/items/"), 10, 64)
	if err != nil || r.Method != http.MethodGet {
		refuse(w, "item_id must be a whole number")
		return
	}
	answer(w, http.StatusOK, Item{id})
}

func createItem(w http.ResponseWriter, r *http.Request) {
	var item NewItem
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &item)
	}
	if err != nil || r.Method != http.MethodPost || !item.valid() {
		refuse(w, "not an item")
		return
	}
	answer(w, http.StatusOK, item)
}

// One client for all requests; by default it would keep two idle connections to each upstream.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096}}

func ask(url string, out *Service) error {
	reply, err := client.Get(url)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

func fan(w http.ResponseWriter, r *http.Request) {
	delay, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/fan/"))
	if err != nil {
		refuse(w, "delay_ms must be a whole number")
		return
	}
	var joined Joined
	var failures [3]error
	var all sync.WaitGroup
	for i, out := range []*Service{&joined.A, &joined.B, &joined.C} {
		all.Add(1)
		go func(i int, out *Service) {
			defer all.Done()
			failures[i] = ask(fmt.Sprintf("http://127.0.0.1:%s/d%d", os.Args[2+i], delay), out)
		}(i, out)
	}
	all.Wait()
	for _, failure := range failures {
		if failure != nil {
			http.Error(w, failure.Error(), http.StatusBadGateway)
			return
		}
	}
	answer(w, http.StatusOK, joined)
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: go_peer PORT UPSTREAM UPSTREAM UPSTREAM")
	}
	http.HandleFunc("/items/", readItem)
	http.HandleFunc("/items", createItem)
	http.HandleFunc("/fan/", fan)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
