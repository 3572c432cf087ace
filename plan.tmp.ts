import { openDatabase } from './src/db/database.ts';
import { sweeperTables } from './src/sweeper/tables.ts';
import { beatStatement } from './src/sweeper/observed-time/statements/beat.ts';
import pg from 'pg';
import fs from 'node:fs';
const url='postgres://postgres@127.0.0.1:6543/hundred';
const c=new pg.Client({connectionString:url}); await c.connect();
const names=Array.from({length:100},(_,i)=>'t'+String(i).padStart(3,'0'));
const pid=(await c.query('select pg_backend_pid() p')).rows[0].p;
const cpu=()=>Number(fs.readFileSync(`/proc/${pid}/schedstat`,'utf8').split(' ')[0])/1e6;
async function m(n:string,N:number,per:number,f:()=>Promise<unknown>){ for(let i=0;i<5;i++) await f(); const c0=cpu(),t0=performance.now(); for(let i=0;i<N;i++) await f(); console.log(n,'cpu ms per ledger',((cpu()-c0)/N/per).toFixed(4),'wall ms per call',((performance.now()-t0)/N).toFixed(1)); }
for (const size of [25,50,100]) {
 const sql=names.slice(0,size).map((n,i)=>`SELECT ${i} AS n WHERE EXISTS (SELECT FROM ${n}.delegations WHERE finished_at IS NULL)`).join(' UNION ALL ');
 await m('empty '+size,20,size,()=>c.query(sql));
 const sql2='SELECT '+names.slice(0,size).map((n,i)=>`EXISTS (SELECT FROM ${n}.delegations WHERE finished_at IS NULL)`).join(',');
 await m('empty-cols '+size,20,size,()=>c.query(sql2));
}
const body=(t:any)=>beatStatement(t).sql;
await c.query('begin');
const h=openDatabase({location:{url},max:1,applicationName:'x',queryTimeoutMs:5000,schema:'t000'} as any);
for (const n of names){ const hh=openDatabase({location:{url},max:1,applicationName:'x',queryTimeoutMs:5000,schema:n} as any); const s=beatStatement(sweeperTables(hh.db));
 const pm:any={}; let i=0; console.log; 
 const txt=s.sql; if(n==='t000') console.log(s.parameters.map((p:any)=>p.name+':'+p.type).join());
 await c.query(`CREATE FUNCTION ${n}.xbeat(daemon text, stuck bigint, gap float8, lastleft text) RETURNS json LANGUAGE plpgsql SET search_path='pg_catalog, pg_temp' SET plan_cache_mode='force_generic_plan' AS $f$ DECLARE r record; BEGIN ${'SELECT to_json(x) INTO r FROM (SELECT 1) x;'} RETURN NULL; END $f$`);
}
await c.query('rollback');
await c.end(); await h.db.destroy();
