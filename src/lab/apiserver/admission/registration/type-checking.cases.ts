/** What kube-apiserver 1.36.3 and its controller made of these policies. */
import type { JsonObject } from '../../json.ts';

export interface TypeCheckingCase {
  name: string;
  rules: JsonObject[];
  spec: JsonObject;
  /** Field and text. */
  warnings: [string, string][];
}

const deployments = { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] };

export const typeCheckingCases: TypeCheckingCase[] = [
  {
    name: 'a field that there is not',
    rules: [deployments],
    spec: { validations: [{ expression: "object.foo == 'bar'" }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'foo'\n | object.foo == 'bar'\n | ......^\n",
      ],
    ],
  },
  {
    name: 'a value of another type',
    rules: [deployments],
    spec: { validations: [{ expression: "object.spec.replicas == 'x'" }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_==_' applied to '(int, string)'\n | object.spec.replicas == 'x'\n | .....................^\n",
      ],
    ],
  },
  {
    name: 'several kinds, expressions and messages',
    rules: [
      deployments,
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['pods'],
      },
    ],
    spec: {
      validations: [
        { expression: 'object.spec.replicas > 1' },
        {
          expression: 'object.spec.replica > 1',
          messageExpression: "'a' + object.spec.replicaz",
        },
      ],
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas > 1\n | ...........^\n",
      ],
      [
        'spec.validations[1].expression',
        "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replica'\n | object.spec.replica > 1\n | ...........^\n\napps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replica'\n | object.spec.replica > 1\n | ...........^\n",
      ],
      [
        'spec.validations[1].messageExpression',
        "/v1, Kind=Pod: ERROR: <input>:1:18: undefined field 'replicaz'\n | 'a' + object.spec.replicaz\n | .................^\n\napps/v1, Kind=Deployment: ERROR: <input>:1:18: undefined field 'replicaz'\n | 'a' + object.spec.replicaz\n | .................^\n",
      ],
    ],
  },
  {
    name: 'quantities, which have no type',
    rules: [deployments],
    spec: {
      validations: [
        { expression: "object.spec.template.spec.containers.all(c, c.resources.limits['cpu'] == '1')" },
      ],
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:56: undefined field 'limits'\n | object.spec.template.spec.containers.all(c, c.resources.limits['cpu'] == '1')\n | .......................................................^\n",
      ],
    ],
  },
  {
    name: 'what may be a number or a text',
    rules: [deployments],
    spec: { validations: [{ expression: 'object.spec.strategy.rollingUpdate.maxSurge == 1' }] },
    warnings: [],
  },
  {
    name: 'a time and a text',
    rules: [deployments],
    spec: { validations: [{ expression: "object.metadata.creationTimestamp > '1'" }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:35: found no matching overload for '_>_' applied to '(timestamp, string)'\n | object.metadata.creationTimestamp > '1'\n | ..................................^\n",
      ],
    ],
  },
  {
    name: 'a time and a time',
    rules: [deployments],
    spec: {
      validations: [{ expression: "object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')" }],
    },
    warnings: [],
  },
  {
    name: 'values of a map',
    rules: [deployments],
    spec: { validations: [{ expression: "object.metadata.labels['a'] == 1" }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:29: found no matching overload for '_==_' applied to '(string, int)'\n | object.metadata.labels['a'] == 1\n | ............................^\n",
      ],
    ],
  },
  {
    name: 'an object without fields',
    rules: [deployments],
    spec: { validations: [{ expression: 'object.metadata.managedFields[0].fieldsV1.x == 1' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:42: undefined field 'x'\n | object.metadata.managedFields[0].fieldsV1.x == 1\n | .........................................^\n",
      ],
    ],
  },
  {
    name: 'a variable of a known type',
    rules: [deployments],
    spec: {
      validations: [{ expression: "variables.x == 'a'" }],
      variables: [{ name: 'x', expression: 'object.spec.replicas' }],
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(int, string)'\n | variables.x == 'a'\n | ............^\n",
      ],
    ],
  },
  {
    name: 'a variable that is wrong itself',
    rules: [deployments],
    spec: {
      validations: [{ expression: "variables.x == 'a'" }],
      variables: [{ name: 'x', expression: 'object.spec.nope' }],
    },
    warnings: [],
  },
  {
    name: 'parameters',
    rules: [deployments],
    spec: {
      validations: [{ expression: 'params.data.x == 1 && params.nope == 1' }],
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:15: found no matching overload for '_==_' applied to '(string, int)'\n | params.data.x == 1 && params.nope == 1\n | ..............^\nERROR: <input>:1:29: undefined field 'nope'\n | params.data.x == 1 && params.nope == 1\n | ............................^\n",
      ],
    ],
  },
  {
    name: 'parameters of an unknown kind',
    rules: [deployments],
    spec: {
      validations: [{ expression: 'params.data.x == 1' }],
      paramKind: { apiVersion: 'v1', kind: 'Nope' },
    },
    warnings: [],
  },
  {
    name: 'the core group, which stands for any',
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['events'],
      },
    ],
    spec: { validations: [{ expression: 'object.nope == 1' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "/v1, Kind=Event: ERROR: <input>:1:7: undefined field 'nope'\n | object.nope == 1\n | ......^\n\nevents.k8s.io/v1, Kind=Event: ERROR: <input>:1:7: undefined field 'nope'\n | object.nope == 1\n | ......^\n",
      ],
    ],
  },
  {
    name: 'subresources and wildcards beside a resource',
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['pods', 'pods/status', '*/scale'],
      },
    ],
    spec: { validations: [{ expression: 'object.nope == 1' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "/v1, Kind=Pod: ERROR: <input>:1:7: undefined field 'nope'\n | object.nope == 1\n | ......^\n",
      ],
    ],
  },
  {
    name: 'a wildcard of groups',
    rules: [
      {
        apiGroups: ['*'],
        apiVersions: ['v1'],
        resources: ['pods'],
      },
    ],
    spec: { validations: [{ expression: 'object.nope == 1' }] },
    warnings: [],
  },
  {
    name: 'two mistakes',
    rules: [deployments],
    spec: { validations: [{ expression: 'object.a == 1 && object.b == 2' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'a'\n | object.a == 1 && object.b == 2\n | ......^\nERROR: <input>:1:24: undefined field 'b'\n | object.a == 1 && object.b == 2\n | .......................^\n",
      ],
    ],
  },
  {
    name: 'two mistakes in two lines',
    rules: [deployments],
    spec: {
      validations: [{ expression: 'oldObject.spec.nope == object.spec.replicas\n  || object.zz == 1' }],
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:15: undefined field 'nope'\n | oldObject.spec.nope == object.spec.replicas\n | ..............^\nERROR: <input>:2:12: undefined field 'zz'\n |   || object.zz == 1\n | ...........^\n",
      ],
    ],
  },
  {
    name: 'quantities in a list',
    rules: [deployments],
    spec: {
      validations: [{ expression: 'object.spec.template.spec.volumes.exists(v, v.emptyDir.sizeLimit == 1)' }],
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:55: undefined field 'sizeLimit'\n | object.spec.template.spec.volumes.exists(v, v.emptyDir.sizeLimit == 1)\n | ......................................................^\n",
      ],
    ],
  },
  {
    name: 'bytes',
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['secrets'],
      },
    ],
    spec: { validations: [{ expression: 'object.data.x == 1' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "/v1, Kind=Secret: ERROR: <input>:1:15: found no matching overload for '_==_' applied to '(bytes, int)'\n | object.data.x == 1\n | ..............^\n",
      ],
    ],
  },
  {
    name: 'bytes and texts',
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['secrets', 'configmaps'],
      },
    ],
    spec: { validations: [{ expression: "object.data.x == 'a' && object.immutable == 1" }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "/v1, Kind=ConfigMap: ERROR: <input>:1:42: found no matching overload for '_==_' applied to '(bool, int)'\n | object.data.x == 'a' && object.immutable == 1\n | .........................................^\n\n/v1, Kind=Secret: ERROR: <input>:1:15: found no matching overload for '_==_' applied to '(bytes, string)'\n | object.data.x == 'a' && object.immutable == 1\n | ..............^\nERROR: <input>:1:42: found no matching overload for '_==_' applied to '(bool, int)'\n | object.data.x == 'a' && object.immutable == 1\n | .........................................^\n",
      ],
    ],
  },
  {
    name: 'a schema within itself',
    rules: [
      {
        apiGroups: ['apiextensions.k8s.io'],
        apiVersions: ['v1'],
        resources: ['customresourcedefinitions'],
      },
    ],
    spec: {
      validations: [{ expression: 'object.spec.versions[0].schema.openAPIV3Schema.properties.x.y == 1' }],
    },
    warnings: [
      [
        'spec.validations[0].expression',
        "apiextensions.k8s.io/v1, Kind=CustomResourceDefinition: ERROR: <input>:1:60: undefined field 'y'\n | object.spec.versions[0].schema.openAPIV3Schema.properties.x.y == 1\n | ...........................................................^\n",
      ],
    ],
  },
  {
    name: 'has()',
    rules: [deployments],
    spec: { validations: [{ expression: 'has(object.spec.replicaz)' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:4: undefined field 'replicaz'\n | has(object.spec.replicaz)\n | ...^\n",
      ],
    ],
  },
  {
    name: 'an optional field',
    rules: [deployments],
    spec: { validations: [{ expression: 'object.spec.?replicaz.hasValue()' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicaz'\n | object.spec.?replicaz.hasValue()\n | ...........^\n",
      ],
    ],
  },
  {
    name: 'within a macro',
    rules: [deployments],
    spec: { validations: [{ expression: 'object.spec.template.spec.containers.map(c, c.nam).size() > 0' }] },
    warnings: [
      [
        'spec.validations[0].expression',
        "apps/v1, Kind=Deployment: ERROR: <input>:1:46: undefined field 'nam'\n | object.spec.template.spec.containers.map(c, c.nam).size() > 0\n | .............................................^\n",
      ],
    ],
  },
];
