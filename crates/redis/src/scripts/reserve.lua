-- Charges the subjects of one attempt, all or, when it is refused, none: engine::charge.
--
--   KEYS    n records, then the list of locked subjects of each one's bucket
--   ARGV    I6 now, I5 lease, B how many subjects that are not free refuse the attempt; then for each
--           subject, for the short way, I4 how many failures it lets through, B flags, I5 and I5 how
--           long failures and record are kept; then for each subject I2 and so many bytes, its rule:
--           I4 limit, I6 attempt cooloff, I6 lockout memory, I6 jitter, B what escalates (0 lockouts,
--           1 failures, 2 attempts), B whether a lockout forgets failures, I2 marks kept,
--           I6 each lockout cooloff
--   reply   the n records as they were, nil where there was none; who asks runs the engine on them.
--           The short way answers them as one string, 255 where there was none
local refusing = 0
for i = 1, n do
  local value = values[i]
  if value == NONE then
    values[i] = false
  elseif value then
    if is_corrupt(value) then return corrupt() end
    local now, _, _, _, _, lock, _, ends = open(value, time)
    if now and lock ~= '' and ends > now then refusing = refusing + 1 end
  end
end
if refusing >= enough then return values end

at = 13 + 15 * n
for i = 1, n do
  local length
  length, at = unpack_bytes('>I2', arg, at)
  local rule = sub(arg, at, at + length - 1)
  at = at + length
  local limit, cooloff, memory, jitter, by, forgets, kept, cooloffs = unpack_bytes('>I4I6I6I6BBI2', rule)
  local now, charged, uncleared, failures, forgotten, lock, operator, ends, marks = open(values[i], time)
  if not now then
    now, charged, uncleared, failures, lock, operator, ends, marks = time, 0, 0, 0, '', false, NEVER, ''
  else
    if lock ~= '' and ends <= now then
      if forgets == 1 and (not operator or failures > limit) then failures = 0 end
      lock, operator = '', false
    end
    if now >= forgotten then failures = 0 end
    marks = remembered(marks, memory, now)
  end
  if failures == 0 then
    charged, uncleared = math.max(charged, now), 0
  end
  charged, uncleared, failures = charged + 1, uncleared + 1, failures + 1
  if by > 0 then marks = mark(marks, kept, now) end
  if failures > limit and lock == '' then
    ends = lockout_end(rule, cooloffs, #marks / 6, by, limit, jitter, now)
    lock = pack(LOCK, charged, now, ends, lease > 0 and now + lease or 0)
    if by == 0 then marks = mark(marks, kept, now) end
    list(KEYS[i], KEYS[n + i], ends, now)
  end
  forgotten = cooloff > 0 and now + cooloff or NEVER
  local last = over(now + lease, failures, forgotten, lock, ends, marks, memory)
  put(KEYS[i], now, charged, uncleared, failures, forgotten, lock, operator, marks, math.min(last + GRACE, NEVER))
end
return values
