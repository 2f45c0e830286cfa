use mta_sts_core::PolicyDomain;

use super::super::StoreFuture;
use super::super::parcels::{Parcel, ParcelClaim, ParcelState, Parcels};
use super::RedisStore;

impl Parcels for RedisStore {
    fn leave<'a>(&'a self, group: &'a PolicyDomain, parcel: &'a Parcel) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut leave = redis::cmd("EVAL");
            leave.arg(LEAVE).arg(1).arg(group_key(group)).arg(&parcel.id).arg(&parcel.text).arg(LIFE);
            self.ask(&leave).await
        })
    }

    fn state<'a>(&'a self, group: &'a PolicyDomain, id: &'a str) -> StoreFuture<'a, ParcelState> {
        Box::pin(async move {
            let mut state = redis::cmd("EVAL");
            state.arg(STATE).arg(1).arg(group_key(group)).arg(id);
            Ok(match self.ask::<u8>(&state).await? {
                0 => ParcelState::Unknown,
                1 => ParcelState::Waiting,
                _ => ParcelState::Arrived,
            })
        })
    }

    fn claim<'a>(
        &'a self,
        group: &'a PolicyDomain,
        machine: &'a str,
        which: ParcelClaim,
        most: usize,
    ) -> StoreFuture<'a, Vec<Parcel>> {
        Box::pin(async move {
            let mut claim = redis::cmd("EVAL");
            claim.arg(CLAIM).arg(1).arg(group_key(group)).arg(machine);
            claim.arg(u8::from(which == ParcelClaim::Any)).arg(most);
            let claimed: Vec<(String, String)> = self.ask(&claim).await?;
            Ok(claimed.into_iter().map(|(id, text)| Parcel { id, text }).collect())
        })
    }

    fn settle<'a>(&'a self, group: &'a PolicyDomain, id: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut settle = redis::cmd("EVAL");
            settle.arg(SETTLE).arg(1).arg(group_key(group)).arg(id).arg(LIFE);
            self.ask(&settle).await
        })
    }
}

/// The hash of a group: who has claimed each of its parcels, `-` for nobody.
fn group_key(group: &PolicyDomain) -> String {
    format!("mtasts:parcels:{group}")
}

/// The seconds for which a parcel waits, and for which it is known that it has arrived.
const LIFE: u64 = 30 * 86_400;

const LEAVE: &str = "
local text, arrived = KEYS[1] .. ':' .. ARGV[1], KEYS[1] .. ':arrived:' .. ARGV[1]
if redis.call('EXISTS', arrived) == 1 then return 0 end
redis.call('SET', text, ARGV[2], 'EX', ARGV[3])
return redis.call('HSETNX', KEYS[1], ARGV[1], '-')
";

const STATE: &str = "
if redis.call('EXISTS', KEYS[1] .. ':arrived:' .. ARGV[1]) == 1 then return 2 end
return redis.call('EXISTS', KEYS[1] .. ':' .. ARGV[1])
";

/// A parcel whose text has expired, or was evicted, is removed.
const CLAIM: &str = "
local claimed = {}
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
    local claimer = redis.call('HGET', KEYS[1], id)
    if claimer == ARGV[1] or (claimer == '-' and ARGV[2] == '1') then
        local text = redis.call('GET', KEYS[1] .. ':' .. id)
        if text then
            redis.call('HSET', KEYS[1], id, ARGV[1])
            claimed[#claimed + 1] = {id, text}
            if #claimed >= tonumber(ARGV[3]) then break end
        else
            redis.call('HDEL', KEYS[1], id)
        end
    end
end
return claimed
";

const SETTLE: &str = "
redis.call('SET', KEYS[1] .. ':arrived:' .. ARGV[1], '', 'EX', ARGV[2])
redis.call('DEL', KEYS[1] .. ':' .. ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
";
