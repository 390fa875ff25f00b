local function is_corrupt(value)
  return #value < 27 or byte(value) > 31
end

local function corrupt()
  return redis.error_reply('LOCKOUTCORRUPT a record cannot be read')
end

-- The parts of a record at `time`, or nothing if it is as good as none: now (never before the
-- record was last touched), charged, charged - cleared, failures, when those are forgotten, the
-- lock's bytes, whether an operator set it, when it ends, the marks.
local function open(value, time)
  if not value then return nil end
  local flags = byte(value)
  local _, touched, charged, uncleared, failures, forgotten, expires, rest =
    unpack_bytes(flags % 8 >= 4 and WIDE or NARROW, value)
  if flags % 4 < 2 and time >= touched + expires then return nil end
  local lock, ends = '', NEVER
  if flags >= 8 then
    lock, ends = sub(value, rest, rest + 23), unpack_bytes('>I6', value, rest + 12)
    rest = rest + 24
  end
  forgotten = flags % 2 == 1 and NEVER or touched + forgotten
  return math.max(time, touched), charged, uncleared, failures, forgotten, lock, flags >= 16, ends, sub(value, rest)
end

-- Drops the marks that are older than `memory`.
local function remembered(marks, memory, now)
  while memory > 0 and marks ~= '' and unpack_bytes('>I6', marks) + memory < now do
    marks = sub(marks, 7)
  end
  return marks
end

-- Adds a mark, as the latest of at most `kept`.
local function mark(marks, kept, now)
  if kept == 0 then return marks end
  return sub(marks, math.max(1, #marks - 6 * kept + 7)) .. pack('>I6', now)
end

-- Takes back the latest mark that was added at `at`.
local function unmark(marks, at)
  local taken = pack('>I6', at)
  for from = #marks - 5, 1, -6 do
    if sub(marks, from, from + 5) == taken then
      return sub(marks, 1, from - 1) .. sub(marks, from + 6)
    end
  end
  return marks
end

-- When a lockout that begins now ends. `rule` holds the cooloffs from `cooloffs` on.
local function lockout_end(rule, cooloffs, marks, by, limit, jitter, now)
  local level = marks
  if by > 0 then level = math.max(0, math.floor(marks / math.max(1, limit)) - 1) end
  local entries = (#rule - cooloffs + 1) / 6
  if entries == 0 then return NEVER end
  local lasts = unpack_bytes('>I6', rule, cooloffs + 6 * math.min(level, entries - 1))
  if lasts == 0 then return NEVER end
  return math.min(now + lasts + jitter, NEVER - 1)
end

-- When nothing in a record matters any more, but for the grace.
local function over(at_least, failures, forgotten, lock, ends, marks, memory)
  local last = at_least
  if failures > 0 and forgotten > last then last = forgotten end
  if lock ~= '' and ends > last then last = ends end
  if marks ~= '' then
    local matters = NEVER
    if memory > 0 then matters = unpack_bytes('>I6', marks, #marks - 5) + memory end
    if matters > last then last = matters end
  end
  return math.min(last, NEVER)
end

-- Writes a record that expires at `expires`.
local function put(key, now, charged, uncleared, failures, forgotten, lock, operator, marks, expires)
  local flags, layout, forgets, kept = 0, NARROW, 0, 0
  if forgotten == NEVER then
    flags = 1
  else
    forgets = math.min(math.max(forgotten - now, 0), LONGEST)
  end
  if expires == NEVER then
    flags = flags + 2
  else
    kept = math.min(math.max(expires - now, 0), LONGEST)
  end
  if failures > 65535 or uncleared > 65535 then flags, layout = flags + 4, WIDE end
  if lock ~= '' then flags = flags + (operator and 24 or 8) end
  local value = pack(layout, flags, now, charged, math.min(uncleared, 4294967295),
    math.min(failures, 4294967295), forgets, kept) .. lock .. marks
  if expires == NEVER then
    call('SET', key, value)
  else
    call('SET', key, value, 'PX', string.format('%.0f', math.max(1, kept + math.floor(kept / 4))))
  end
end

-- The list of locked subjects of a bucket: a subject's text is what follows the bucket in both keys.
-- The list loses what is over, and lives as long as its last lock.
local function list(key, index, ends, now)
  local score = ends == NEVER and '+inf' or string.format('%.0f', ends)
  call('ZREMRANGEBYSCORE', index, '-inf', string.format('(%.0f', now - GRACE))
  call('ZADD', index, score, sub(key, #index - 5))
  local last = call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
  if last == 'inf' then
    call('PERSIST', index)
  else
    call('PEXPIRE', index, string.format('%.0f', math.max(1, last - now + GRACE)))
  end
end

local function unlist(key, index)
  call('ZREM', index, sub(key, #index - 5))
end

