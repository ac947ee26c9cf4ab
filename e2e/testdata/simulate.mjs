// Answers questions to IAM with @cloud-copilot/iam-simulate, an implementation that
// is not ours. It reads a list of {policies, action, resource, account, context} from
// stdin and writes a list of {decision, ignored, error}. The argument is the folder
// where the package is installed; without it the exit code is 3.
import { createRequire } from 'node:module'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.argv[2]
if (!existsSync(join(folder, 'node_modules'))) process.exit(3)
const { runSimulation, runUnsafeSimulation } = createRequire(join(folder, 'package.json'))('@cloud-copilot/iam-simulate')

// AWS's list of resources has documents with an account and ECS's ARNs with a cluster,
// and the simulation takes no others. For AWS's own documents and for ARNs in the old
// format, which are not in that list, only the evaluation itself is asked.
const unlisted = /^arn:[a-z-]+:(ssm:[a-z0-9-]+::document\/AWS-|ecs:[a-z0-9-]+:\d{12}:(task|service|container-instance)\/[^/]+$)/

// keyPolicy is what a KMS key has unless told otherwise: without it no policy of the
// account counts for the key.
const keyPolicy = (q) => ({
  Version: '2012-10-17',
  Statement: [{
    Effect: 'Allow',
    Principal: { AWS: q.resource.split(':').slice(0, 2).join(':') + ':iam::' + q.account + ':root' },
    Action: 'kms:*',
    Resource: '*',
  }],
})

async function answer(q) {
  const simulation = {
    request: {
      principal: q.principal,
      action: q.action,
      resource: { resource: q.resource, accountId: q.account },
      contextVariables: q.context,
    },
    identityPolicies: q.policies.map((policy, i) => ({ name: 'policy-' + i, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(q.action.startsWith('kms:') && { resourcePolicy: keyPolicy(q) }),
  }
  const result = await runSimulation(simulation, {})
  if (result.resultType !== 'error') {
    return { decision: result.overallResult, ignored: result.result?.ignoredContextKeys ?? [] }
  }
  if (result.errors.message === 'no.resource.types' && unlisted.test(q.resource)) {
    return { decision: runUnsafeSimulation(simulation, {}), ignored: [] }
  }
  return { error: JSON.stringify(result.errors) }
}

const answers = []
for (const question of JSON.parse(readFileSync(0))) answers.push(await answer(question))
process.stdout.write(JSON.stringify(answers))
